"""`vitagraph inspect`."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.vitagraph.conftest import Run
from vitagraph import console, exits


def test_inspect_lists_every_node(run: Run) -> None:
    out = run("inspect").out
    assert "vad.webrtc" in out
    assert "WebRTC's detector" in out


def test_inspect_prints_ports_and_parameters_of_a_node(run: Run) -> None:
    """As Markdown in a pipe."""
    out = run("inspect", "vad.webrtc").out
    assert "| `aggressiveness` | a whole number from 0 to 3 | `2` |" in out
    assert "SpeechStart" in out


def test_inspect_output_on_a_terminal_has_no_markdown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "out", lambda: Console(force_terminal=True, width=120))
    out = run("inspect", "vad.webrtc").out
    assert "aggressiveness" in out
    assert "| `" not in out


def test_inspect_page_has_every_node(run: Run) -> None:
    """It is docs/nodes.md."""
    out = run("inspect", "--markdown").out
    assert out.startswith("# Nodes\n")
    assert "## `vad.webrtc`" in out


def test_inspect_page_of_one_node_is_wrong_usage(run: Run) -> None:
    """The page covers all nodes."""
    assert run("inspect", "vad.webrtc", "--markdown").code == exits.USAGE


def test_inspect_unknown_node_is_a_graph_error(run: Run) -> None:
    """With a suggestion."""
    ran = run("inspect", "vad.webrct")
    assert ran.code == exits.GRAPH
    assert "did you mean `vad.webrtc`" in ran.err
