"""What is measured in one session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nodes.packets import Audio, SpeechEnd, SpeechStart, Transcript, TurnChanged
from nodes.webrtc.transport.peer import PeerStatistics
from pipeline.cause import Causes
from pipeline.events import NodeFailed
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from tests.growth import check_within
from tests.vitagraph.observe.test_samples import STATISTICS
from vitagraph.observe.watcher import CallEnd, Watchers
from vitagraph.quality.emodel import mean_opinion_score, rating
from vitagraph.quality.record import QualityRecord
from vitagraph.quality.session_quality import MOST, SessionQuality
from vitagraph.waterfall import TurnRecord, WaterfallPart


class Scene:
    """A session with a clock that the test sets."""

    def __init__(self, seen: PeerStatistics | None = None) -> None:
        self.now = 100.0
        self.seen = seen
        self.causes = Causes()
        self.kept: list[QualityRecord] = []
        self.quality = SessionQuality(
            "rtc_1", "assistant", self.kept.append, network=lambda: self.seen, now=lambda: self.now
        )

    def turn(self, silence: int | None = None, *, abandoned: bool = False, reason: str = "", **fields: Any) -> None:
        """A turn whose answer came after so many milliseconds."""
        cause = self.causes.begin("turn")
        self.quality.turn_changed(TurnChanged(0, cause, "committed", reason=reason))
        reached: dict[WaterfallPart, int] = fields.pop("reached", {})
        if silence is not None:
            reached = {"decided": SECOND, "audible": SECOND + silence * MILLISECOND}
        turn = TurnRecord(cause.id, SECOND, reached, committed=True, **fields)
        self.quality.turn_over(turn, abandoned=abandoned)

    def hears(self, packet: type[Packet], node: str = "asr", **fields: Any) -> None:
        """An output of a node."""
        self.quality.observe(node, packet(Stamp(0, 20 * MILLISECOND, self.causes.begin("turn")), **fields))

    def end(self, outcome: str = "completed") -> QualityRecord:
        """Hangs up."""
        self.quality.ended(CallEnd(outcome, ""))
        (record,) = self.kept
        return record


def test_record_counts_turns_by_their_end() -> None:
    """A silence in place of an answer is a failure; a cough, or hanging up, is none."""
    scene = Scene()
    for silence in (400, 600, 1_000):
        scene.turn(silence)
    scene.turn(None)
    scene.turn(None, abandoned=True)
    scene.turn(None, reached={"transcript": SECOND})
    scene.turn(None, interrupted=True)
    scene.turn(5_000, reason="typed")
    scene.turn(3_000, reason="prompt")
    scene.now += 42
    record = scene.end()
    assert (record.turns, record.answered, record.unanswered) == (8, 5, 1)
    assert record.silences_ms == (400, 600, 1_000)
    assert record.silence_p50_ms == 600 and record.silence_p95_ms == pytest.approx(960)
    assert (record.session, record.graph, record.outcome, record.duration_s) == ("rtc_1", "assistant", "completed", 42)


def test_record_has_no_number_for_what_was_not_measured() -> None:
    """A call that ended at once does not count as a bad one."""
    record = Scene().end("not_connected")
    assert record.turns == 0 and not record.conversed
    for name in ("silence_p50_ms", "barge_in_ms", "snr_db", "asr_confidence", "loss", "jitter_ms", "concealed", "mos"):
        assert getattr(record, name) is None, name


def test_record_takes_the_confidence_of_recognised_words_alone() -> None:
    """Typed text, prepared sentences and guesses in between are not recognised speech."""
    scene = Scene()
    scene.hears(Transcript, text="one", whole=True, confidence=0.9)
    scene.hears(Transcript, text="two", whole=True, confidence=0.7)
    scene.hears(Transcript, text="thr", whole=False, confidence=0.2)
    scene.hears(Transcript, text=" ", whole=True, confidence=0.1)
    scene.hears(Transcript, text="?", whole=True, confidence=1.0, answer="Sorry.")
    scene.hears(Transcript, text="no number", whole=True)
    typed = scene.causes.begin("turn")
    scene.quality.turn_changed(TurnChanged(0, typed, "committed", reason="typed"))
    scene.quality.observe("turn", Transcript(Stamp(0, 0, typed), "typed", whole=True, confidence=1.0))
    assert scene.end().asr_confidence == pytest.approx(0.8)


def test_record_counts_interruptions_ratings_and_fallbacks() -> None:
    """The last rating of an answer counts, a fallback once."""
    scene = Scene()
    for silence in (100, 300, None):
        scene.quality.interrupted(None if silence is None else silence * MILLISECOND)
    for response, value in (("a", 1), ("b", 1), ("a", -1), ("c", -1)):
        scene.quality.rated(response, value)
    for node, by in (("chat", "dialogue.script"), ("chat", "dialogue.script"), ("tts", "")):
        scene.quality.node_failed(NodeFailed(0, node, "x", "network", "it is away", "", by, 1, "fault"))
    record = scene.end()
    assert (record.interruptions, record.barge_in_ms) == (3, 200)
    assert (record.liked, record.disliked, record.fallbacks) == (1, 2, ("chat",))


def speak(scene: Scene, seconds: float, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
    """The caller's frames, and what another node makes of them."""
    watchers = Watchers([scene.quality], ["caller"])
    for number in range(round(seconds * 50)):
        at = Stamp(number * 20 * MILLISECOND, 20 * MILLISECOND, scene.causes.begin("turn"))
        watchers.observe("caller", Audio(at, samples, 16_000))
        watchers.observe("vad", Audio(at, samples * 0, 16_000))


def test_record_reads_the_network() -> None:
    """The shares, the mean of the jitter, and the estimate of what they do to the sound."""
    seen = replace(STATISTICS, received=993, lost=10, late=2, duplicates=1, gaps=5, concealed_ms=200, jitter_ms=4)
    scene = Scene(seen)
    frame = np.full(320, 500, np.int16)
    speak(scene, 10, frame)
    scene.seen = replace(seen, jitter_ms=8)
    speak(scene, 10, frame)
    for rtt, playout in ((60, 50), (100, None), (-1, float("nan")), (float("inf"), 1e9)):
        scene.quality.network.client_reported(rtt_ms=rtt, playout_ms=playout)
    record = scene.end()
    assert record.loss == pytest.approx(0.01)
    assert record.burst == pytest.approx(2 * 0.99)
    assert record.concealed == pytest.approx(0.01)
    assert record.jitter_ms == pytest.approx(6, abs=0.3)
    assert (record.rtt_ms, record.playout_ms) == (80, 50)
    assert record.mos == pytest.approx(mean_opinion_score(rating(0.01, 40 + 26.5 + 50, 1.98)))


def test_record_has_the_clarity_of_the_callers_sound_alone() -> None:
    """What other nodes pass on is not heard twice, and the marks are the voice detector's."""
    scene, rng = Scene(), np.random.default_rng(2)
    watchers = Watchers([scene.quality], ["caller"])
    cause = scene.causes.begin("turn")
    for number in range(400):
        at = Stamp(number * 20 * MILLISECOND, 20 * MILLISECOND, cause)
        loud = 100 <= number < 200
        watchers.observe("caller", Audio(at, rng.normal(0, 2_000 if loud else 100, 320).astype(np.int16), 16_000))
        watchers.observe("vad", Audio(at, rng.normal(0, 9_000, 320).astype(np.int16), 16_000))
        if number == 115:
            watchers.observe("vad", SpeechStart(Stamp(2 * SECOND, 0, cause)))
        if number == 225:
            watchers.observe("vad", SpeechEnd(Stamp(4 * SECOND, 0, cause)))
    assert scene.end().snr_db == pytest.approx(26, abs=1)


def test_record_is_bounded() -> None:
    """A caller who rates and types for an hour costs no memory."""
    scene = Scene()
    for number in range(2 * MOST):
        scene.turn(500)
        scene.quality.interrupted(MILLISECOND)
        scene.quality.rated(f"response {number}", 1)
        scene.quality.turn_changed(TurnChanged(0, scene.causes.begin("turn"), "committed", reason="typed"))
    record = scene.end()
    assert len(record.silences_ms) == record.liked == MOST and record.turns == 2 * MOST


def test_measuring_a_frame_is_quick() -> None:
    """A caller's sound is 50 frames a second, beside what other nodes put out."""
    scene = Scene(STATISTICS)
    samples = np.random.default_rng(1).normal(0, 500, 320).astype(np.int16)
    frames = [Audio(Stamp(0, 20 * MILLISECOND, scene.causes.begin("turn")), samples, 16_000)] * 10

    def observe() -> None:
        for _ in range(100):
            scene.quality.hear("caller", frames)

    check_within(observe, 0.02)
