"""`vitagraph graph`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vitagraph.conftest import Run
from tests.vitagraph.scripted import GRAPH
from vitagraph import exits


@pytest.mark.parametrize(("format", "first"), [("mermaid", "flowchart"), ("dot", "digraph")])
def test_graph_command_draws_all_nodes(format: str, first: str, run: Run) -> None:
    Path("graph.yaml").write_text(GRAPH, encoding="utf-8")
    ran = run("graph", "graph.yaml", "--format", format)
    assert ran.code == exits.OK
    assert ran.out.startswith(first)
    assert "talk" in ran.out
    assert "listener" in ran.out


def test_graph_command_unknown_format_is_wrong_usage(run: Run) -> None:
    """And the known ones are listed."""
    ran = run("graph", "graph.yaml", "--format", "svg")
    assert ran.code == exits.USAGE
    assert "mermaid" in ran.err
