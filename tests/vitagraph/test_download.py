"""Which models a graph needs, and downloading them with a progress bar."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from nodes import models
from pipeline.errors import NetworkError
from pipeline.graph.graph import Graph
from pipeline.graph.loader import loads
from pipeline.graph.registry import Registry
from vitagraph import console, download
from vitagraph.download import fetch, is_here, needed, pull

NEEDY = "tests.vitagraph.scripted:Needy"


def fake_pull(_name: str, progress: models.Progress) -> None:
    """Arrives in two blocks."""
    progress("model.bin", 50_000_000, 100_000_000)
    progress("model.bin", 100_000_000, 100_000_000)


@pytest.mark.parametrize(
    ("terminal", "quiet", "said"),
    [(True, False, "100.0/100.0 MB"), (False, False, "fetching the model"), (True, True, "")],
)
def test_download_progress_is_shown_on_a_terminal_only(
    terminal: bool, quiet: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log gets one line; a quiet script none."""
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", lambda: Console(file=screen, force_terminal=terminal, width=100))
    monkeypatch.setattr(models, "pull", fake_pull)
    pull("whisper-tiny.en", quiet=quiet)
    assert said in screen.getvalue()
    assert bool(said) == bool(screen.getvalue())


@pytest.fixture
def graph() -> Graph:
    """A node with a model in the catalogue, a fallback with another, and one with a local file."""
    text = f"""
    vitagraph: 1
    nodes:
      a:
        use: {NEEDY}
        fallback: {{use: '{NEEDY}', model: piper-joe}}
      b: {{use: '{NEEDY}', model: ./my-model}}
      c: {NEEDY}
    """
    return loads(text, registry=Registry())


def test_required_models_are_listed_once_for_all_members(graph: Graph) -> None:
    """A fallback must be ready when it is needed; a path is the user's own."""
    assert needed(graph) == ["whisper-base", "piper-joe"]


def test_required_models_are_fetched_only_if_missing(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second replay needs no network."""
    pulled: list[str] = []
    monkeypatch.setattr(download, "is_here", lambda name: name == "whisper-base")
    monkeypatch.setattr(download, "pull", lambda name, quiet: pulled.append(name))
    fetch(graph, quiet=True)
    assert pulled == ["piper-joe"]


def test_required_models_that_cannot_be_fetched_do_not_stop_the_session(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fallback without its model must not prevent the graph from running."""

    def offline(_name: str, _progress: models.Progress) -> None:
        raise NetworkError("no answer", hint="look at the cable")

    monkeypatch.setenv("VITAGRAPH_HOME", str(tmp_path))
    monkeypatch.setattr(models, "pull", offline)
    fetch(graph, quiet=False)
    assert not is_here("whisper-base")
    said = capsys.readouterr().err
    assert said.count("warning: no answer") == 2
    assert "hint: look at the cable" in said
