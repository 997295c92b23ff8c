"""Complete drills of a scripted graph: a robust one passes, and each weakness is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vitagraph.drill.graphs import noise, scripted, voice
from vitagraph.drill.matrix import APOLOGY, NOBODY, cells
from vitagraph.drill.outcome import RECOVERY_LIMIT, REFUSED, CellResult
from vitagraph.drill.question import drill_plan
from vitagraph.drill.run import Drill


def drilled(graph: Path, folder: Path, nodes: list[str], faults: list[str]) -> list[CellResult]:
    """The results of some cells."""
    plan = drill_plan(graph, folder, noise(folder), {})
    told: list[CellResult] = []
    drill = Drill(plan, cells(plan, nodes, faults), told.append)
    drill.run()
    assert told == drill.outcomes
    return drill.outcomes


def test_drill_passes_a_graph_with_fallbacks_and_deadlines(tmp_path: Path) -> None:
    """Every fault in its voice: who answers, the dead air, the recovery."""
    outcomes = drilled(scripted(tmp_path), tmp_path, ["tts"], ["hang", "error", "no_output", "crash", "load_error"])
    assert [outcome.problems for outcome in outcomes] == [()] * 5
    for outcome in outcomes:
        assert outcome.answered == ("tests.drills.scripted:SpeaksToo",)
        assert outcome.recovered is not None and outcome.recovered <= RECOVERY_LIMIT
        assert outcome.dead_air is not None
    by = {outcome.cell.fault: outcome.dead_air or 0 for outcome in outcomes}
    assert 2e9 < by["hang"] < 3e9 and by["error"] < 1.5e9, "a hang costs its deadline, an error nothing"


def test_drill_without_a_fallback_gets_an_apology_or_a_refused_start(tmp_path: Path) -> None:
    graph = scripted(tmp_path, "    fallback: tests.drills.scripted:AnswersToo\n")
    apology, refused = drilled(graph, tmp_path, ["chat"], ["error", "load_error"])
    assert (apology.answered, apology.problems) == ((APOLOGY,), ())
    assert (refused.answered, refused.problems) == ((REFUSED,), ())


def test_drill_finds_a_long_deadline(tmp_path: Path) -> None:
    """It is valid, but a person would wait for ten seconds."""
    graph = scripted(tmp_path, "deadline: {first: 2s, total: 4s}", "deadline: {first: 10s}")
    (outcome,) = drilled(graph, tmp_path, ["asr"], ["hang"])
    assert not outcome.ok and "a shorter `deadline` of `asr` would help" in outcome.problems[0]


def test_drill_finds_a_primary_that_does_not_come_back(tmp_path: Path) -> None:
    """A breaker that stays open for minutes keeps a recovered voice away."""
    graph = scripted(
        tmp_path, "use: tests.drills.scripted:Speaks\n", "use: tests.drills.scripted:Speaks\n    breaker: {rest: 10m}\n"
    )
    (outcome,) = drilled(graph, tmp_path, ["tts"], ["error"])
    assert outcome.recovered is None and "the primary did not recover" in outcome.problems


def test_drill_reports_that_a_failed_source_ends_the_call(tmp_path: Path) -> None:
    (outcome,) = drilled(scripted(tmp_path), tmp_path, ["caller"], ["error"])
    assert (outcome.answered, outcome.recovered, outcome.problems) == ((NOBODY,), None, ())


def test_drill_can_be_stopped(tmp_path: Path) -> None:
    """Ctrl-C keeps the finished cells."""
    plan = drill_plan(scripted(tmp_path), tmp_path, noise(tmp_path), {})
    drill = Drill(plan, cells(plan, ["face"]), lambda _: drill.stop())
    drill.run()
    assert len(drill.outcomes) == 1


@pytest.mark.real_model
@pytest.mark.parametrize("node", ["vad", "playback", "sentences"])
def test_drill_node_without_a_fallback_recovers_by_itself(tmp_path: Path, node: str) -> None:
    """Speech ends the wait for an answer that was lost; a noise would not."""
    drill = Drill(plan := drill_plan(scripted(tmp_path), tmp_path, voice(tmp_path), {}), cells(plan, [node], ["error"]))
    drill.run()
    (outcome,) = drill.outcomes
    assert outcome.problems == () and outcome.recovered is not None
