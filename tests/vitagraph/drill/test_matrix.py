"""The cells of a drill: a missing cell is an untested fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GraphError
from pipeline.graph.loader import loads
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from tests.drills.scripted import GRAPH
from vitagraph.chaos.inject import inject_faults
from vitagraph.chaos.spec import FAULTS
from vitagraph.drill.matrix import APOLOGY, LENGTH, NOBODY, QUESTIONS, cells


@pytest.fixture(scope="module")
def made() -> Plan:
    """The scripted conversation."""
    registry = Registry()
    return plan(loads(GRAPH, registry=registry, path=Path("scripted.yaml")), registry)


def faults(plan: Plan, node: str) -> set[str]:
    """The faults that are injected into a node."""
    return {cell.fault for cell in cells(plan) if cell.node == node}


def test_drill_matrix_has_cells_for_every_node(made: Plan) -> None:
    assert {cell.node for cell in cells(made)} == set(made.graph.nodes)
    assert faults(made, "tts") == faults(made, "face") == set(FAULTS) - {"redis_away"}
    assert faults(made, "asr") == set(FAULTS) - {"redis_away", "empty"}, "that nobody spoke is an answer"
    assert faults(made, "vad") == {"error", "slow_load", "load_error", "clock_jump"}
    assert faults(made, "caller") == {"error", "no_output", "empty", "slow_load", "load_error", "clock_jump"}
    assert faults(made, "playback") == {"error", "latency", "slow_load", "load_error", "clock_jump"}


def test_drill_matrix_has_redis_faults_only_where_redis_is_used() -> None:
    registry = Registry()
    text = GRAPH.replace("face: {use", "face: {limit: {max: 5, shared: redis://store/0}, use")
    made = plan(loads(text, registry=registry, path=Path("scripted.yaml")), registry)
    assert "redis_away" in faults(made, "face") and "redis_away" not in faults(made, "tts")


def test_drill_matrix_cells_fit_the_graph(made: Plan) -> None:
    for cell in cells(made):
        assert inject_faults(made, cell.chaos) is not made


def test_drill_matrix_expectation_depends_on_the_available_fallbacks(made: Plan) -> None:
    """A call whose source fails ends; a call whose service fails must go on."""
    by = {(cell.node, cell.fault): cell for cell in cells(made)}
    assert by["tts", "hang"].stands_in and by["tts", "hang"].spent == APOLOGY
    assert by["face", "hang"].stands_in and by["face", "hang"].spent == NOBODY
    assert by["vad", "error"].stands_in and not by["turn", "error"].stands_in
    assert by["vad", "load_error"].stands_in and by["face", "load_error"].stands_in
    assert not by["turn", "load_error"].stands_in
    assert by["caller", "error"].ends and not by["caller", "no_output"].ends


def test_drill_matrix_asks_before_during_and_after_each_fault(made: Plan) -> None:
    for cell in cells(made):
        begin, until = cell.window
        assert any(begin < asked < until for asked in QUESTIONS)
        assert sum(until <= asked <= until + 35_000_000_000 for asked in QUESTIONS) >= 1
    assert max(QUESTIONS) < LENGTH


def test_drill_matrix_cells_can_be_selected_and_wrong_names_are_reported(made: Plan) -> None:
    assert [(cell.node, cell.fault) for cell in cells(made, ["tts"], ["hang", "error"])] == [
        ("tts", "hang"),
        ("tts", "error"),
    ]
    with pytest.raises(GraphError, match="there is no node `ttts`") as error:
        cells(made, ["ttts"])
    assert "did you mean `tts`?" in str(error.value)
    with pytest.raises(GraphError, match="there is no fault `hung`"):
        cells(made, [], ["hung"])
