"""The timeline of a session: what happened when, for whoever opens one bad turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodes.packets import Audio, AvatarFrames, PlaybackProgress, Speech, SpeechEnd, SpeechStart, Transcript, TurnChanged
from pipeline.cause import Cause, Causes
from pipeline.events import BudgetExceeded, NodeFailed
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from pipeline.params import ms
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from tests.vitagraph.host.dialling import SCRIPTED, dial, gone, hosting, scripted
from vitagraph.host.call_manager import CallManager
from vitagraph.observe.archive import SessionArchive
from vitagraph.observe.client_events import ClientNetwork, Rated
from vitagraph.observe.envelope import PeakTrack, envelope
from vitagraph.observe.session_timeline import MOST, SessionTimeline
from vitagraph.observe.timeline import Timeline
from vitagraph.observe.watcher import CallEnd, Watchers
from vitagraph.waterfall import TurnRecord

RATE = 16_000


def sound(duration: int, amplitude: int = 8_192) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A constant sound."""
    return np.full(duration * RATE // SECOND, amplitude, np.int16)


class Scene:
    """A session whose packets and events the test makes up, at times of its own."""

    def __init__(self, session: Session) -> None:
        self.session, self.causes = session, Causes()
        self.timeline = SessionTimeline("rtc_1", "assistant")
        self.now = 0
        self.watchers = Watchers([self.timeline])
        self.watchers.listen(session)
        self.timeline._now = lambda: self.now

    def packet(self, node: str, packet: Packet, at: int) -> None:
        """A node gives a packet."""
        self.now = at
        self.watchers.observe(node, packet)

    def hear(self, begin: int, end: int) -> None:
        """The person speaks."""
        root = self.causes.root
        for start in range(begin, end, ms(20)):
            self.packet("caller", Audio(Stamp(start, ms(20), root), sound(ms(20)), RATE), start + ms(20))
        self.packet("vad", SpeechStart(Stamp(begin, 0, root)), begin + ms(60))
        self.packet("vad", SpeechEnd(Stamp(end, 0, root)), end + ms(200))

    def turn(self, what: str, cause: Cause, at: int, *, voice_end: int = 0, reason: str = "") -> None:
        """The turn node decides."""
        self.now = at
        self.session.bus.post(TurnChanged(at, cause, what, voice_end, reason))

    def say(self, cause: Cause, begin: int, duration: int, *, made: int, heard: int | None = None) -> None:
        """A sentence with a face is made, and played or cut off."""
        at = Stamp(made, duration, cause)
        self.packet("tts", Speech(at, sound(duration, 16_384), RATE, "It is nine.", last=True), made)
        frames = np.zeros((duration * 60 // SECOND, 52), np.float32)
        frames[:, 17] = 1.0
        self.packet("face", AvatarFrames(at, frames, np.zeros((len(frames), 7), np.float32)), made)
        self.now = begin
        post = self.session.bus.post
        post(PlaybackProgress(cause, "", 0, ended=False, last=False, speech="It is nine.", duration=duration))
        self.now = begin + (duration if heard is None else heard)
        text = "It is nine." if heard is None else "It is"
        post(PlaybackProgress(cause, text, self.now - begin, ended=True, last=heard is None, duration=duration))


def playing(play: object) -> Timeline:
    """The timeline after a scene."""
    registry = Registry()
    planned = plan(loads(SCRIPTED, registry=registry), registry)

    async def main() -> Timeline:
        async with Runner() as runner:
            scene = Scene(runner.session(planned))
            play(scene)  # type: ignore[operator]
            return scene.timeline.document()

    return run_virtual(main())


def one_turn(scene: Scene) -> Cause:
    """A question, and the answer to it."""
    cause = scene.causes.begin("turn")
    scene.hear(SECOND, 2 * SECOND)
    scene.turn("tentative", cause, ms(2_200), voice_end=2 * SECOND)
    words = Transcript(Stamp(SECOND, SECOND, cause), "What time is it?", True, "en", 0.9)
    scene.packet("asr", words, ms(2_300))
    scene.turn("committed", cause, ms(2_400), voice_end=2 * SECOND, reason="words")
    scene.say(cause, ms(2_700), SECOND, made=ms(2_650))
    return cause


def test_timeline_has_a_turn_with_all_that_belongs_to_it() -> None:
    """Who opens a bad turn sees what was heard, what was said, and how long each part took."""

    def play(scene: Scene) -> None:
        cause = one_turn(scene)
        record = TurnRecord(cause.id, 2 * SECOND, {"decided": ms(2_400), "audible": ms(2_710)}, committed=True)
        record.said, record.over_budget = "It is nine.", "decided"
        scene.timeline.turn_over(record)
        scene.session.bus.post(Rated("resp_1", -1, cause.id))
        scene.session.bus.post(ClientNetwork(cause.id, 48.0, None, 20.0))
        scene.session.bus.post(BudgetExceeded(scene.now, cause, "voice_to_voice", ms(500), ms(710), "decided"))

    document = playing(play)
    (turn,) = document.turns
    assert (turn.number, turn.start, turn.voice_end, turn.outcome) == (1, 1000, 2000, "answered")
    assert (turn.heard, turn.language, turn.confidence, turn.said) == ("What time is it?", "en", 0.9, "It is nine.")
    assert turn.silence == 710 and sum(turn.parts.values()) == pytest.approx(710)
    assert turn.firsts == {"asr": 2300, "tts": 2650, "face": 2650}
    assert (turn.rating, turn.network, turn.over_budget) == (-1, {"rtt": 48, "playout": 20}, "decided")
    assert [each.what for each in document.causes] == ["tentative", "committed"]
    assert [(each.start, each.end) for each in document.speech] == [(1000, 2000)]
    assert [(each.kind, each.message) for each in document.troubles] == [("over_budget", "710 ms, most of it decided")]


def test_timeline_shows_the_loudness_and_the_mouth_when_they_were_heard_and_seen() -> None:
    """The waveform of the answer is where it played, not where it was made; what was cut off is not on it."""

    def play(scene: Scene) -> None:
        one_turn(scene)
        later = scene.causes.begin("turn")
        scene.say(later, 5 * SECOND, 2 * SECOND, made=ms(4_000), heard=ms(500))

    document = playing(play)
    caller, assistant = document.caller.peaks, document.assistant.peaks
    assert caller[19] == 0 and caller[20] == caller[39] == 64 and len(caller) == 40
    assert assistant[53] == 0 and assistant[54] == 128 and assistant[73] == 128 and assistant[74] == 0
    assert assistant[100] == assistant[109] == 128 and len(assistant) == 110
    first, cut = document.playbacks
    assert (first.start, first.end, first.text, first.cut) == (2700, 3700, "It is nine.", False)
    assert (cut.start, cut.end, cut.text, cut.cut) == (5000, 5500, "It is", True)
    assert [(each.start, each.end) for each in document.face] == [(2700, 3700), (5000, 7000)]
    assert document.face[0].jaw and set(document.face[0].jaw) == {255}


@pytest.mark.parametrize(
    ("reached", "failed", "abandoned", "outcome", "why"),
    [
        ({"decided": 1, "transcript": 2}, False, False, "nothing_heard", "The speech recognition found no words."),
        ({"decided": 1}, True, False, "unanswered", "chat failed, and nothing took its work over."),
        ({"decided": 1}, False, True, "abandoned", "The call ended before the answer began."),
        ({"decided": 1}, False, False, "unanswered", "There was no transcript before the next turn."),
    ],
)
def test_timeline_says_why_a_turn_has_no_answer(
    reached: dict[str, int], failed: bool, abandoned: bool, outcome: str, why: str
) -> None:
    """Silence without a reason cannot be mended."""

    def play(scene: Scene) -> None:
        cause = scene.causes.begin("turn")
        scene.turn("committed", cause, 2 * SECOND, voice_end=SECOND)
        if failed:
            scene.session.bus.post(NodeFailed(3 * SECOND, "chat", "dialogue.llama", "network", "it is away", ""))
        record = TurnRecord(cause.id, SECOND, reached, committed=True)  # type: ignore[arg-type]
        scene.timeline.turn_over(record, abandoned=abandoned)

    (turn,) = playing(play).turns
    assert (turn.outcome, turn.why, turn.silence) == (outcome, why, None)


def test_timeline_stays_bounded() -> None:
    """A caller who coughs for an hour fills no memory; what was left out is counted."""

    def play(scene: Scene) -> None:
        for number in range(MOST + 7):
            scene.turn("held", scene.causes.root, number * MILLISECOND)

    document = playing(play)
    assert len(document.causes) == MOST and document.left_out == 7
    assert document.causes[-1].at == MOST + 6


def test_loudness_leaves_out_what_comes_after_four_hours() -> None:
    """A wrong time stamp takes no memory."""
    loudness = PeakTrack()
    loudness.add([sound(ms(20))], [5 * 3_600 * SECOND])
    assert len(loudness.peaks) == 0
    loudness.place(envelope(sound(ms(120)), RATE), ms(100))
    assert list(loudness.peaks) == [0, 0, 64, 64, 64]


def test_archive_keeps_running_sessions_and_the_latest_that_ended() -> None:
    """The console finds the bad call of a minute ago, and memory is bounded."""
    archive = SessionArchive(2)
    for number in range(5):
        archive.begin(SessionTimeline(f"rtc_{number}", "echo"))
    for number in range(4):
        archive.ended(f"rtc_{number}")
    assert [each.id for each in archive] == ["rtc_4", "rtc_3", "rtc_2"]
    assert archive.find("rtc_1") is None and archive.find("rtc_4") is not None and archive.running == 1


def test_timeline_of_a_call_is_that_of_the_metrics(tmp_path: Path) -> None:
    """From a real call: a turn with its parts, the sound of both sides, and how the call ended."""

    async def scene(manager: CallManager) -> Timeline:
        caller = await dial(manager)
        caller.type("What time is it?")
        await caller.wait_for("response.done")
        id = caller.call_.id
        await caller.close()
        await gone(manager)
        timeline = manager.observation.archive.find(id)
        assert timeline is not None
        return timeline.document()

    document = hosting(scene, scripted(tmp_path))
    (turn,) = document.turns
    assert (turn.typed, turn.outcome, turn.said, turn.silence) == (True, "answered", "It is nine o'clock.", None)
    assert document.outcome == "completed" and max(document.assistant.peaks) > 10
    assert document.face and document.playbacks[0].text == "It is nine o'clock."


def test_timeline_survives_the_end_of_its_session() -> None:
    """Its clock stands still."""
    registry = Registry()
    planned = plan(loads(SCRIPTED, registry=registry), registry)

    async def main() -> None:
        async with Runner() as runner:
            timeline = SessionTimeline("rtc_1", "assistant")
            session = runner.session(planned)
            timeline.listen(session)
            timeline.ended(CallEnd("idle", "nobody spoke"))
            length = timeline.duration
            await session.clock.sleep(SECOND)
            assert timeline.duration == length and timeline.document().reason == "nobody spoke"

    run_virtual(main())
