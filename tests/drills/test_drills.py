"""Every fault in every node of the assistant: turns are answered, and the primary recovers."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitagraph.drill.matrix import NOBODY, cells
from vitagraph.drill.outcome import RECOVERY_LIMIT, CellResult
from vitagraph.drill.question import drill_plan
from vitagraph.drill.run import Drill
from vitagraph.drill.table import remarks

GRAPH = Path(__file__).parents[2] / "graphs" / "assistant.yaml"
SHORT = {"chat.max_tokens": "12"}
"""Answers of one or two sentences, so that the matrix takes minutes: a cut one is continued to its end."""
SPARED = {"face", "smart"}
"""Nodes without which a turn is answered all the same: nobody does their work."""


@pytest.mark.real_model
@pytest.mark.timeout(2400)
def test_drill_matrix_of_the_assistant_is_answered_and_recovers(tmp_path: Path) -> None:
    plan = drill_plan(GRAPH, tmp_path, None, SHORT)
    drill = Drill(plan, cells(plan))
    drill.run()
    assert list(remarks(drill.outcomes)) == []
    assert {outcome.cell.node for outcome in drill.outcomes} == set(plan.graph.nodes)
    assert [bad for outcome in drill.outcomes if (bad := not_answered(outcome))] == []
    assert all(outcome.recovered <= RECOVERY_LIMIT for outcome in drill.outcomes if outcome.recovered is not None)


def not_answered(outcome: CellResult) -> str:
    """Describes the cell if its questions were not answered although something can replace the node."""
    silent = outcome.dead_air is None or outcome.recovered is None
    spoken = outcome.answered == (NOBODY,) and outcome.cell.node not in SPARED
    return f"{outcome.cell} {outcome}" if outcome.cell.stands_in and (silent or spoken) else ""
