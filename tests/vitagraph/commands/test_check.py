"""`vitagraph check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vitagraph.conftest import Run
from tests.vitagraph.scripted import GRAPH
from vitagraph import exits


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The scripted conversation, with a parameter."""
    file = tmp_path / "graph.yaml"
    source = "  talk: {use: tests.vitagraph.scripted:Scripted, hang: '${hang}'}"
    text = GRAPH.replace("  talk: tests.vitagraph.scripted:Scripted", source)
    file.write_text(text.replace("nodes:", "params:\n  hang: false\nnodes:"), encoding="utf-8")
    return file


def test_check_accepts_a_valid_graph_and_prints_its_minimum_latency(graph: Path, run: Run) -> None:
    """Even though its source has no clip, which a replay provides."""
    ran = run("check", graph)
    assert (ran.code, ran.err) == (exits.OK, "")
    assert ran.out.splitlines()[0] == f"{graph}: ok, 2 nodes, 3 links"
    assert ran.out.splitlines()[1].startswith("least latency: 0ms")


def test_check_resolved_prints_the_graph_with_the_origin_of_each_line(graph: Path, run: Run) -> None:
    """A setting from the command line is marked as such."""
    out = run("check", graph, "--resolved", "--set", "hang=true").out
    assert "hang: true  # --set hang" in out
    assert f"# {graph}:" in out


def test_check_warns_where_the_least_latency_is_above_the_budget(tmp_path: Path, run: Run) -> None:
    """No turn could ever meet it, but the graph is valid."""
    file = tmp_path / "graph.yaml"
    file.write_text(
        "vitagraph: 1\nbudget: {voice_to_voice: 300ms}\nnodes:\n  caller: media.source\n  vad: vad.energy\n"
        "  turn: {use: turn.endpoint, floor: 400ms}\n  echo: dialogue.echo\n  playback: media.sink\n"
        "links:\n  - caller -> vad -> turn -> echo -> playback.audio\n",
        encoding="utf-8",
    )
    ran = run("check", file)
    assert ran.code == exits.OK
    assert "warning: the budget `voice_to_voice: 300ms` cannot be met: the least latency is 400ms" in ran.err
    assert "warning" not in run("check", file, "--set", "turn.floor=300ms").err


def test_check_validates_settings_of_the_command_line(graph: Path, run: Run) -> None:
    """As if they were in the file."""
    ran = run("check", graph, "--set", "hang=perhaps")
    assert ran.code == exits.GRAPH
    assert "true or false" in ran.err
