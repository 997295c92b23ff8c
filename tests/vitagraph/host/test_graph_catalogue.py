"""The graphs that can be called, and when they are planned."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import GraphError, UserInputError
from pipeline.graph.graph import Graph
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from tests.vitagraph.host.dialling import SCRIPTED, scripted
from vitagraph.chaos.spec import Chaos, FaultSpec
from vitagraph.host import graph_catalogue
from vitagraph.host.graph_catalogue import GraphCatalogue, UnknownGraph


def test_graph_catalogue_has_the_builtin_graphs() -> None:
    """Who starts the host without a word gets the assistant."""
    graphs = GraphCatalogue()
    assert graphs.default == "assistant"
    names = [info.name for info in graphs.list()]
    assert names[0] == "assistant" and {"assistant-openai", "echo"} <= set(names)
    assert "narrate" not in names and "assistant.scenario" not in names, "these have nobody to call"


def test_graph_catalogue_user_folder_adds_and_replaces_graphs(tmp_path: Path) -> None:
    scripted(tmp_path)
    scripted(tmp_path, "echo", SCRIPTED.replace("Answers by rules", "Mine"))
    graphs = GraphCatalogue("scripted", [tmp_path])
    assert graphs.default == "scripted" and "scripted" in graphs
    described = {info.name: info.description for info in graphs.list()}
    assert described["echo"].startswith("Mine")


def test_graph_catalogue_default_can_be_any_file(tmp_path: Path) -> None:
    graphs = GraphCatalogue(scripted(tmp_path, "mine"))
    assert graphs.default == "mine" and graphs.list()[0].name == "mine"


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the graphs, each as often as it was planned."""
    names: list[str] = []

    def counting(graph: Graph, registry: Registry) -> Plan:
        names.append(graph.path.stem)
        return plan(graph, registry)

    monkeypatch.setattr(graph_catalogue, "plan", counting)
    return names


def test_graph_catalogue_plans_a_graph_once(tmp_path: Path, planned: list[str]) -> None:
    """Planning takes milliseconds, and many calls may come at once."""
    graphs = GraphCatalogue(scripted(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        plans = list(threads.map(graphs.plan, ["scripted"] * 50))
    assert all(each is plans[0] for each in plans)
    assert planned.count("scripted") == 1


def test_graph_catalogue_plans_a_changed_graph_once_again(tmp_path: Path, planned: list[str]) -> None:
    graphs = GraphCatalogue(scripted(tmp_path))
    before = graphs.plan("scripted")
    scripted(tmp_path, text=SCRIPTED.replace("nine", "ten"))
    after = graphs.plan("scripted")
    assert after is not before and graphs.plan("scripted") is after
    assert planned.count("scripted") == 2


def test_graph_catalogue_plans_again_when_only_the_time_of_a_file_changes(tmp_path: Path) -> None:
    """An edit may leave the size as it was."""
    file = scripted(tmp_path)
    graphs = GraphCatalogue(file)
    before = graphs.plan("scripted")
    os.utime(file, ns=(1, 1))
    assert graphs.plan("scripted") is not before


def test_graph_catalogue_follows_changes_of_extended_files(tmp_path: Path, planned: list[str]) -> None:
    """A base of a base counts as well; other files do not."""
    scripted(tmp_path, "base")
    scripted(tmp_path, "middle", "vitagraph: 1\nextends: base.yaml\n")
    graphs = GraphCatalogue(scripted(tmp_path, "top", "vitagraph: 1\nextends: middle.yaml\n"))
    before = graphs.plan("top")
    scripted(tmp_path, "other")
    assert graphs.plan("top") is before
    scripted(tmp_path, "base", SCRIPTED.replace("floor: 200ms", "floor: 250ms"))
    [turn] = graphs.plan("top").nodes["turn"].members
    assert getattr(turn.params, "floor", 0) == 250_000_000
    assert planned.count("top") == 2


@pytest.mark.parametrize("name", ["base", "top"])
def test_graph_catalogue_reports_a_graph_that_became_invalid_until_it_is_mended(tmp_path: Path, name: str) -> None:
    """Each caller is told; nobody gets the plan of before."""
    files = {"base": SCRIPTED, "top": "vitagraph: 1\nextends: base.yaml\n"}
    scripted(tmp_path, "base")
    graphs = GraphCatalogue(scripted(tmp_path, "top", files["top"]))
    scripted(tmp_path, name, "vitagraph: 1\nnodes: {a: no.such}\n")
    for _ in range(2):
        with pytest.raises(GraphError, match=r"no\.such"):
            graphs.plan("top")
    (tmp_path / f"{name}.yaml").unlink()
    for _ in range(2):
        with pytest.raises(GraphError, match="there is no graph"):
            graphs.plan("top")
    scripted(tmp_path, name, files[name])
    assert "turn" in graphs.plan("top").nodes


def test_graph_catalogue_edit_takes_effect_at_the_next_call(tmp_path: Path) -> None:
    """Nobody has to restart the host to try a change."""
    graphs = GraphCatalogue(scripted(tmp_path))
    scripted(tmp_path, text=SCRIPTED.replace("floor: 200ms", "floor: 250ms"))
    [turn] = graphs.plan("scripted").nodes["turn"].members
    assert getattr(turn.params, "floor", 0) == 250_000_000


def test_graph_catalogue_unknown_graph_error_lists_the_known_ones() -> None:
    with pytest.raises(UnknownGraph, match=r"no graph 'nope' here\nhint: .*assistant"):
        GraphCatalogue().plan("nope")


def test_graph_catalogue_refuses_a_graph_without_a_caller(tmp_path: Path) -> None:
    file = scripted(tmp_path, text=SCRIPTED.replace("webrtc.source", "{use: media.source, path: x.wav}"))
    with pytest.raises(GraphError, match="cannot be called"):
        GraphCatalogue(file)


def test_graph_catalogue_leaves_out_a_broken_graph(tmp_path: Path) -> None:
    """It is left out of the list; whoever makes it the default is told what is wrong."""
    scripted(tmp_path)
    file = scripted(tmp_path, "broken", "vitagraph: 1\nnodes: {a: no.such}\n")
    assert "broken" not in GraphCatalogue("scripted", [tmp_path])
    with pytest.raises(GraphError, match=r"no\.such"):
        GraphCatalogue(file)


def test_graph_catalogue_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="--graphs DIR"):
        GraphCatalogue(None, [tmp_path / "nope"])


def test_graph_catalogue_chaos_applies_to_the_default_graph_only() -> None:
    """Its nodes are named after those of that graph; and what does not fit is told at the start."""
    chaos = Chaos((FaultSpec(node="chat", fault="hang"),))
    graphs = GraphCatalogue(chaos=chaos)
    calm = GraphCatalogue()
    (usual,), (struck,) = (each.plan("assistant").nodes["chat"].members[:1] for each in (calm, graphs))
    assert issubclass(struck.node, usual.node) and struck.node is not usual.node
    assert struck.params == usual.params
    assert graphs.plan("echo").nodes == calm.plan("echo").nodes
    with pytest.raises(GraphError, match="no node `chatt`"):
        GraphCatalogue(chaos=Chaos((FaultSpec(node="chatt", fault="hang"),)))


def test_graph_catalogue_settings_apply_to_the_default_graph_only() -> None:
    """`serve --set brain=NAME` starts with another model."""
    graphs = GraphCatalogue(settings={"brain": "qwen2.5-0.5b", "reproducible": "true"})
    chat = graphs.plan("assistant").nodes["chat"].members[0].params
    assert (chat.model, chat.reproducible) == ("qwen2.5-0.5b", True)  # type: ignore[attr-defined]
    assert graphs.plan("assistant-openai").nodes["chat"].members[0].params.model != "qwen2.5-0.5b"  # type: ignore[attr-defined]
    with pytest.raises(GraphError, match="brian"):
        GraphCatalogue(settings={"brian": "x"})
