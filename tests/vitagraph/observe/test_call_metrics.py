"""What of a call is counted, and as what."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition as openmetrics

from nodes.packets import Audio, PlaybackProgress, TokensUsed, TurnChanged
from pipeline.cause import Cause, Causes
from pipeline.errors import Category
from pipeline.events import BudgetExceeded, FailureReason, NodeFailed, NodeRecovered
from pipeline.packet import MILLISECOND, SECOND, Stamp
from tests.vitagraph.observe.reading import labels_of, value
from vitagraph.observe.call_metrics import CallMetrics
from vitagraph.observe.counted import CountedMetrics
from vitagraph.observe.watcher import CallEnd, Watchers
from vitagraph.waterfall import TurnRecord


class Scene:
    """A call with a clock that the test sets."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.voice = 0
        self.now = 0
        self.call = CallMetrics(CountedMetrics(self.registry), {"asr", "chat"}, lambda: self.voice)
        self.call._now = lambda: self.now
        self.causes = Causes()

    def plays(self, cause: Cause, at: int) -> None:
        """An answer begins to be heard."""
        self.now = at
        self.call.played(PlaybackProgress(cause, "", 0, ended=False, last=False))

    def turn(self, what: str, cause: Cause, at: int, reason: str = "") -> None:
        """The turn node decides."""
        self.call.turn_changed(TurnChanged(at, cause, what, reason=reason))

    def text(self) -> str:
        """All samples as OpenMetrics."""
        return str(openmetrics.generate_latest(self.registry).decode())  # type: ignore[no-untyped-call]

    def value(self, name: str, **labels: str) -> float:
        """One sample."""
        return value(self.registry, name, **labels)


def failure(
    node: str, category: Category = "network", *, answered_by: str = "", reason: FailureReason = "fault"
) -> NodeFailed:
    """A failure of a member."""
    return NodeFailed(0, node, "asr.whisper", category, "it is away", "", answered_by, 1, reason)


def record(cause: int = 1, **reached: int) -> TurnRecord:
    """A committed turn whose voice ended at 1 s."""
    return TurnRecord(cause, SECOND, dict(reached), committed=True)  # type: ignore[arg-type]


def test_call_metrics_count_a_turn_and_its_parts() -> None:
    """The parts add up to the silence."""
    scene = Scene()
    scene.call.turn_over(record(decided=1_200 * MILLISECOND, text=1_300 * MILLISECOND, audible=1_700 * MILLISECOND))
    assert scene.value("turns_total", outcome="answered") == 1
    assert scene.value("turn_silence_seconds_sum", outcome="answered") == pytest.approx(0.7)
    parts = {"decided": 0.2, "text": 0.1, "audible": 0.4}
    for part, seconds in parts.items():
        assert scene.value("turn_part_seconds_sum", part=part) == pytest.approx(seconds)
    assert scene.value("turn_part_seconds_count", part="speech") == 0


def test_call_metrics_name_the_trace_of_a_turn() -> None:
    """From a slow bucket of the histogram an operator gets to such a turn; without tracing there is nothing to name."""
    scene = Scene()
    reached = {"decided": 1_200 * MILLISECOND, "audible": 4_000 * MILLISECOND}
    scene.call.turn_over(record(**reached))
    assert "trace_id" not in scene.text()
    traced = record(**reached)
    traced.trace = "0123456789abcdef0123456789abcdef"
    scene.call.turn_over(traced)
    lines = scene.text().splitlines()
    (exemplar,) = [line for line in lines if "turn_silence_seconds_bucket" in line and "trace_id" in line]
    assert 'le="3.0"' in exemplar and f'# {{trace_id="{traced.trace}"}} 3.0' in exemplar


@pytest.mark.parametrize(
    ("turn", "abandoned", "outcome"),
    [
        (record(decided=SECOND), False, "unanswered"),
        (record(decided=SECOND), True, "abandoned"),
        (record(decided=SECOND, transcript=SECOND), False, "nothing_heard"),
    ],
)
def test_call_metrics_tell_why_a_turn_has_no_answer(turn: TurnRecord, abandoned: bool, outcome: str) -> None:
    """An operator is alarmed by silence, and not by a cough or by a caller who hangs up."""
    scene = Scene()
    scene.call.turn_over(turn, abandoned=abandoned)
    assert scene.value("turns_total", outcome=outcome) == 1
    assert scene.value("turn_silence_seconds_count", outcome="answered") == 0


def test_call_metrics_measure_only_spoken_turns() -> None:
    """A typed turn has no voice to measure from, and a prompt answers nobody."""
    scene = Scene()
    for number, reason in enumerate(("typed", "prompt")):
        cause = scene.causes.begin("turn")
        scene.turn("committed", cause, 0, reason)
        scene.call.turn_over(record(cause.id, decided=SECOND, audible=2 * SECOND))
        assert scene.value("turns_total", outcome="answered") == 1, number
    assert scene.value("turn_silence_seconds_count", outcome="answered") == 0


def test_call_metrics_measure_a_barge_in() -> None:
    """From the start of the voice to the hold that silenced the answer; an early one was a cut-off turn."""
    scene = Scene()
    cause = scene.causes.begin("turn")
    scene.plays(cause, 5 * SECOND)
    scene.voice = 7 * SECOND
    scene.turn("held", cause, scene.voice + 120 * MILLISECOND)
    scene.turn("interrupted", cause, scene.voice + 500 * MILLISECOND, "words")
    assert scene.value("interruptions_total", source="voice", verdict="words") == 1
    assert scene.value("barge_in_silence_seconds_sum") == pytest.approx(0.12)
    assert scene.value("cut_off_turns_total") == 0
    scene.plays(scene.causes.begin("turn"), 20 * SECOND)
    early = scene.causes.begin("turn")
    scene.plays(early, 30 * SECOND)
    scene.voice = 30 * SECOND + 800 * MILLISECOND
    scene.turn("interrupted", early, 31 * SECOND, "voice")
    assert scene.value("cut_off_turns_total") == 1
    assert scene.value("barge_in_silence_seconds_sum") == pytest.approx(0.32)


def test_call_metrics_do_not_count_what_nobody_heard_as_interrupted() -> None:
    """An answer that is revoked while it is made was not interrupted; nor is one that was only held."""
    scene = Scene()
    made, held = scene.causes.begin("turn"), scene.causes.begin("turn")
    scene.turn("interrupted", made, SECOND, "words")
    scene.plays(held, 2 * SECOND)
    scene.turn("held", held, 3 * SECOND)
    scene.turn("released", held, 3 * SECOND, "noise")
    scene.call.played(PlaybackProgress(held, "It is nine.", 2 * SECOND, ended=True, last=True))
    scene.turn("interrupted", held, 5 * SECOND, "a new turn")
    assert scene.value("interruptions_total", source="voice", verdict="words") == 0
    assert scene.value("backchannels_total", kind="noise") == 1
    assert scene.value("audio_seconds_total", direction="out") == 2
    assert scene.value("characters_spoken_total") == 11


@pytest.mark.parametrize(("reason", "source"), [("typed", "text"), ("cancelled", "client")])
def test_call_metrics_tell_who_interrupted(reason: str, source: str) -> None:
    """A stop by a button is no barge-in."""
    scene = Scene()
    cause = scene.causes.begin("turn")
    scene.plays(cause, SECOND)
    scene.turn("interrupted", cause, 2 * SECOND, reason)
    assert scene.value("interruptions_total", source=source, verdict="command") == 1
    assert scene.value("barge_in_silence_seconds_count") == 0


def test_call_metrics_count_failures_by_what_they_mean() -> None:
    """A limit without room is no error, and a member that still opens is neither."""
    scene = Scene()
    scene.call.node_failed(failure("asr", answered_by="asr.sorry"))
    scene.call.node_failed(failure("chat", reason="limit", answered_by="dialogue.script"))
    scene.call.node_failed(failure("chat", reason="opening"))
    assert scene.value("node_errors_total", node="asr", category="network") == 1
    assert scene.value("limit_refusals_total", node="chat") == 1
    assert scene.call.fallbacks == {"asr", "chat"}
    scene.call.node_recovered(NodeRecovered(0, "asr", "asr.whisper"))
    assert scene.call.fallbacks == {"chat"}
    assert labels_of(scene.registry, "node_errors_total", "node") == {"asr"}


def test_call_metrics_labels_stay_bounded() -> None:
    """A failure outside the graph's nodes, such as of a task with a name of its own, makes no label."""
    scene = Scene()
    for number in range(50):
        scene.call.node_failed(failure(f"subscriber {number}"))
        scene.call._counted.refused(f"reason {number}")
    assert labels_of(scene.registry, "node_errors_total", "node") == {"other"}
    assert scene.value("node_errors_total", node="other", category="network") == 50
    assert scene.value("calls_refused_total", reason="other") == 50


def test_call_metrics_count_what_a_voice_over_an_answer_was() -> None:
    """An operator sees whether answers stop for coughs, or go on over persons."""
    scene = Scene()
    cause = scene.causes.begin("turn")
    scene.plays(cause, SECOND)
    for reason in ("backchannel", "nothing", "echo", "answer", "no words"):
        scene.turn("released", cause, 2 * SECOND, reason)
    kinds = {"backchannel": 2, "echo": 1, "answer": 1, "noise": 1}
    assert {kind: scene.value("backchannels_total", kind=kind) for kind in kinds} == kinds


def test_call_metrics_count_a_sentence_that_came_too_late() -> None:
    """The person hears a pause within an answer; a breath is none, and neither is the next answer."""
    scene = Scene()
    cause = scene.causes.begin("turn")
    for begins, ends in ((SECOND, 2 * SECOND), (2_200 * MILLISECOND, 3 * SECOND), (4 * SECOND, 5 * SECOND)):
        scene.plays(cause, begins)
        scene.now = ends
        scene.call.played(PlaybackProgress(cause, "So.", SECOND, ended=True, last=False))
    assert scene.value("playout_underruns_total") == 1
    assert scene.value("playout_underrun_seconds_total") == pytest.approx(1.0)
    scene.plays(scene.causes.begin("turn"), 9 * SECOND)
    assert scene.value("playout_underruns_total") == 1


def test_call_metrics_count_tokens_and_turns_over_their_budget() -> None:
    """What a conversation costs, and which part of the wait to work on."""
    scene = Scene()
    scene.call.tokens_used(TokensUsed(0, "chat", "llama.cpp", "qwen", read=120, written=30))
    scene.call.over_budget(BudgetExceeded(0, scene.causes.begin("turn"), "voice_to_voice", SECOND, 2 * SECOND, "text"))
    assert scene.value("tokens_total", node="chat", direction="input") == 120
    assert scene.value("tokens_total", node="chat", direction="output") == 30
    assert scene.value("turns_over_budget_total", part="text") == 1


def test_call_metrics_count_the_sound_of_callers() -> None:
    """Only that of the call's source: what a node makes of it is no second sound."""
    scene = Scene()
    at = Stamp(0, 20 * MILLISECOND, scene.causes.root)
    watchers = Watchers([scene.call], ["caller"])
    for node in ("caller", "clean"):
        for _ in range(60):
            watchers.observe(node, Audio(at, np.zeros(320, np.int16), 16_000))
    watchers.ended(CallEnd("completed", "the caller hung up"))
    assert scene.value("audio_seconds_total", direction="in") == pytest.approx(1.2)
    assert scene.value("calls_total", outcome="completed") == 1
