"""Each invariant finds its violation, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.packets import TurnChanged
from pipeline.cause import Cause
from pipeline.errors import NodeError, Stuck
from pipeline.events import NodeFailed
from pipeline.graph.loader import loads
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import SECOND
from pipeline.runtime.link import LinkStatistics
from pipeline.runtime.report import Ended, SessionReport
from tests.drills.scripted import GRAPH
from vitagraph.drill.invariants import dead_air, late, of_answer, of_answers, of_session
from vitagraph.drill.record import Answer, Record
from vitagraph.waterfall import TurnRecord


@pytest.fixture(scope="module")
def made() -> Plan:
    """The scripted conversation."""
    registry = Registry()
    return plan(loads(GRAPH, registry=registry, path=Path("scripted.yaml")), registry)


def answer(*played: str, cut: str = "", written: str = "", ends: int = 1, gap: float = 0) -> Answer:
    """An answer of sentences of a second each, with gaps of so many seconds."""
    times = [round(number * (1 + gap) * SECOND) for number in range(len(played))]
    whole = cut or " ".join(played)
    pieces = [(at, at + SECOND, text) for at, text in zip(times, played, strict=True)]
    return Answer([written or whole], [whole], pieces, ends)


def link(plan: Plan, peak: int, depth: int = 0, over: int = 0) -> LinkStatistics:
    name = next(each.name for each in plan.links if each.queue is not None and each.queue.count == 2)
    return LinkStatistics(name, depth, peak, 0, 0, 0, 0, 0, 0, over)


def test_invariants_accept_a_session_that_ended_well(made: Plan) -> None:
    report = SessionReport(links=(link(made, 2 + 16, over=16), link(made, 2, over=3), link(made, 2 + 1, over=40)))
    assert list(of_session(made, report)) == []


@pytest.mark.parametrize(("peak", "over"), [(3, 0), (5, 2), (19, 40)])
def test_invariants_queue_exceeds_its_bound_only_by_undroppable_packets(made: Plan, peak: int, over: int) -> None:
    """Otherwise a queue without a bound would be found only when it is huge."""
    (problem,) = of_session(made, SessionReport(links=(link(made, peak, over=over),)))
    assert problem.endswith(f"had {peak} packets; its bound is 2")


@pytest.mark.parametrize(
    ("ended", "words"), [("failed", "the session failed: it"), ("drained late", "made no progress")]
)
def test_invariants_report_a_failed_session(made: Plan, ended: Ended, words: str) -> None:
    error = NodeError("it broke") if ended == "failed" else None
    (problem,) = of_session(made, SessionReport(ended=ended, error=error))
    assert words in problem


def test_invariants_report_stuck_tasks_and_overflowing_queues(made: Plan) -> None:
    report = SessionReport(links=(link(made, 19, depth=1),), stuck=[Stuck("tts did not stop")])
    assert [problem.partition(" ")[0] for problem in of_session(made, report)] == ["stuck:", "the", "the"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (answer("One.", "Two."), ""),
        (answer("One.", "Two.", written="One. **Two.**"), ""),
        (Answer(), "no answer"),
        (answer("One.", ends=0), "its answer ended 0 times"),
        (answer("One.", ends=2), "its answer ended 2 times"),
        (answer("One.", cut="One. Two."), "heard 'One.' of 'One. Two.'"),
        (answer("One.", written="One. Two."), "of 'One. Two.' became 'One.'"),
        (answer("One.", "one", "Two."), "said twice: 'one'"),
    ],
)
def test_invariants_answer_is_complete_and_comes_once(given: Answer, problem: str) -> None:
    assert next(of_answer(given), "") == problem


def recorded(given: Answer, *failed: float) -> tuple[Record, TurnRecord]:
    """A record of one turn whose voice ended at 0."""
    record = Record()
    record.turns.turn_changed(TurnChanged(0, Cause(7, "turn"), "committed"))
    (turn,) = record.turns.committed
    record.answers[7] = given
    record.failed += [NodeFailed(round(at * SECOND), "tts", "a", "unknown", "", "") for at in failed]
    return record, turn


def test_invariants_require_an_answer_only_for_uninterrupted_turns() -> None:
    record, turn = recorded(Answer())
    assert "turn 7: no answer" in list(of_answers(record))
    turn.interrupted = True
    assert list(of_answers(record)) == []
    assert Cause(7, "turn").id == turn.cause


@pytest.mark.parametrize(
    ("gap", "failed", "problems"),
    [
        (0, [0.5], 0),  # while something is heard
        (1.9, [1.0], 0),  # soon enough
        (2.5, [1.2], 1),  # dead air
        (2.5, [1.8], 0),  # the failure was late in it
        (9, [30], 0),  # after the answer
    ],
)
def test_invariants_require_audio_soon_after_each_failure(gap: float, failed: list[float], problems: int) -> None:
    record, turn = recorded(answer("One.", "Two.", gap=gap), *failed)
    assert len(list(late(record, turn))) == problems


def test_dead_air_is_the_longest_wait_before_or_within_the_answer() -> None:
    record, turn = recorded(answer("One.", "Two.", gap=3))
    assert dead_air(record, turn) == 3 * SECOND
    turn.voice_end = -4 * SECOND
    assert dead_air(record, turn) == 4 * SECOND
    assert dead_air(*recorded(Answer())) is None
