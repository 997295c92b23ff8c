"""The resolved graph must say where each line is from, and mean the same graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.graph.graph import Graph, Member
from tests.pipeline.graph.some_graphs import CONVERSATION, detector, graph
from vitagraph.graph_tools.provenance import resolved_text


def members(made: Graph) -> dict[str, list[tuple[str, object]]]:
    """What serves each node."""
    return {name: [_pair(member) for member in spec.members] for name, spec in made.nodes.items()}


def _pair(member: Member) -> tuple[str, object]:
    return member.use, member.params


def test_resolved_graph_shows_the_origin_of_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a parameter that came from three files down, one sees which."""
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(detector("release: 200ms", "label: ${who}", rest="params: {who: joe}\n"))
    text = "vitagraph: 1\nextends: base.yaml\nnodes:\n  vad:\n    weight: 0.25\n    bands: [{low: 1, high: 2}]\n"
    made = graph(text, {"vad.release": "3s"}, path=Path("over.yaml"))
    assert resolved_text(made) == (
        "vitagraph: 1  # over.yaml:1\n"
        "params:  # base.yaml:2\n"
        "  who: joe  # base.yaml:2\n"
        "nodes:  # over.yaml:3\n"
        "  vad:  # over.yaml:4\n"
        "    use: tests.pipeline.graph.some_nodes:Detector  # base.yaml:5\n"
        "    release: 3s  # --set vad.release\n"
        "    label: joe  # base.yaml:7\n"
        "    weight: 0.25  # over.yaml:5\n"
        "    bands:  # over.yaml:6\n"
        "      - low: 1  # over.yaml:6\n"
        "        high: 2  # over.yaml:6\n"
    )


def test_resolved_graph_loads_as_the_same_graph() -> None:
    """A resolved graph can be kept, sent and run."""
    made = graph(CONVERSATION, {"times": "7", "model": "5"})
    again = graph(resolved_text(made))
    assert members(again) == members(made)
    assert [str(link) for link in again.links] == [str(link) for link in made.links]
    assert (again.budget, again.on_error, again.description) == (made.budget, made.on_error, made.description)


def test_resolved_graph_keeps_escaped_references_escaped() -> None:
    """What was escaped is escaped again."""
    made = graph(detector("label: say $${name}"))
    assert "label: " + '"say $${name}"' in resolved_text(made)
    assert members(graph(resolved_text(made))) == members(made)
