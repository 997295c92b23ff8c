"""Which graphs can be called, and what each call gets of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.dialogue._service import ChatParams
from pipeline.errors import GraphError, UserInputError
from tests.vitagraph.host.dialling import SCRIPTED, scripted
from vitagraph.chaos.spec import Chaos, FaultSpec
from vitagraph.host.gallery import Gallery, UnknownGraph


def test_graph_catalogue_has_the_builtin_graphs() -> None:
    """Who starts the host without a word gets the assistant."""
    gallery = Gallery()
    assert gallery.default == "assistant"
    names = [info.name for info in gallery.list()]
    assert names[0] == "assistant" and {"assistant-openai", "echo"} <= set(names)
    assert "narrate" not in names and "assistant.scenario" not in names, "these have nobody to call"


def test_graph_catalogue_user_folder_adds_and_replaces_graphs(tmp_path: Path) -> None:
    scripted(tmp_path)
    scripted(tmp_path, "echo", SCRIPTED.replace("Answers by rules", "Mine"))
    gallery = Gallery("scripted", [tmp_path])
    assert gallery.default == "scripted" and "scripted" in gallery
    described = {info.name: info.description for info in gallery.list()}
    assert described["echo"].startswith("Mine")


def test_graph_catalogue_default_can_be_any_file(tmp_path: Path) -> None:
    gallery = Gallery(scripted(tmp_path, "mine"))
    assert gallery.default == "mine" and gallery.list()[0].name == "mine"


def test_graph_catalogue_instructions_reach_every_chat_model() -> None:
    """The fallback answers in the same role."""
    nodes = Gallery().plan("assistant", "Be brief.").nodes
    systems = [member.params.system for member in nodes["chat"].members if isinstance(member.params, ChatParams)]
    assert systems == ["Be brief."]


def test_graph_catalogue_edit_takes_effect_at_the_next_call(tmp_path: Path) -> None:
    """Nobody has to restart the host to try a change."""
    gallery = Gallery(scripted(tmp_path))
    scripted(tmp_path, text=SCRIPTED.replace("floor: 200ms", "floor: 250ms"))
    [turn] = gallery.plan("scripted").nodes["turn"].members
    assert getattr(turn.params, "floor", 0) == 250_000_000


def test_graph_catalogue_unknown_graph_error_lists_the_known_ones() -> None:
    with pytest.raises(UnknownGraph, match=r"no graph 'nope' here\nhint: .*assistant"):
        Gallery().plan("nope")


def test_graph_catalogue_refuses_a_graph_without_a_caller(tmp_path: Path) -> None:
    file = scripted(tmp_path, text=SCRIPTED.replace("webrtc.source", "{use: media.source, path: x.wav}"))
    with pytest.raises(GraphError, match="nobody can call"):
        Gallery(file)


def test_graph_catalogue_leaves_out_a_broken_graph(tmp_path: Path) -> None:
    """It is left out of the list; whoever makes it the default is told what is wrong."""
    scripted(tmp_path)
    file = scripted(tmp_path, "broken", "vitagraph: 1\nnodes: {a: no.such}\n")
    assert "broken" not in Gallery("scripted", [tmp_path])
    with pytest.raises(GraphError, match=r"no\.such"):
        Gallery(file)


def test_graph_catalogue_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="--graphs DIR"):
        Gallery(None, [tmp_path / "nope"])


def test_graph_catalogue_chaos_applies_to_the_default_graph_only() -> None:
    """Its nodes are named after those of that graph; and what does not fit is told at the start."""
    chaos = Chaos((FaultSpec(node="chat", fault="hang"),))
    gallery = Gallery(chaos=chaos)
    calm = gallery.template("assistant").nodes["chat"].members[0].node
    struck = gallery.plan("assistant", "Be brief.").nodes["chat"].members[0]
    assert issubclass(struck.node, calm) and struck.node is not calm
    assert isinstance(struck.params, ChatParams) and struck.params.system == "Be brief."
    assert gallery.plan("echo").nodes == gallery.plan("echo").nodes
    with pytest.raises(GraphError, match="no node `chatt`"):
        Gallery(chaos=Chaos((FaultSpec(node="chatt", fault="hang"),)))
