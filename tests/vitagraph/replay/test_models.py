"""Which models a graph needs, and fetching them before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes import models
from pipeline.errors import NetworkError
from pipeline.graph.graph import Graph
from pipeline.graph.loader import loads
from pipeline.graph.registry import Registry
from vitagraph.replay import models as replay_models
from vitagraph.replay.models import fetch, is_here, needed

NEEDY = "tests.vitagraph.scripted:Needy"


@pytest.fixture
def graph() -> Graph:
    """A node with a model of the catalogue, a fallback with another, and one with a file of one's own."""
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
    """A fallback must be ready when it is wanted; a path is the user's own."""
    assert needed(graph) == ["whisper-base", "piper-joe"]


def test_required_models_are_fetched_only_if_missing(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second replay needs no network."""
    pulled: list[str] = []
    monkeypatch.setattr(replay_models, "is_here", lambda name: name == "whisper-base")
    monkeypatch.setattr(replay_models, "pull", lambda name, quiet: pulled.append(name))
    fetch(graph, quiet=True)
    assert pulled == ["piper-joe"]


def test_required_models_that_cannot_be_fetched_do_not_stop_the_session(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fallback without its model must not keep the graph from running."""

    def offline(_name: str, _progress: models.Progress) -> None:
        raise NetworkError("no answer", hint="look at the cable")

    monkeypatch.setenv("VITAGRAPH_HOME", str(tmp_path))
    monkeypatch.setattr(models, "pull", offline)
    fetch(graph, quiet=False)
    assert not is_here("whisper-base")
    said = capsys.readouterr().err
    assert said.count("warning: no answer") == 2
    assert "hint: look at the cable" in said
