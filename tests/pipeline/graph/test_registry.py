"""Names in a graph must find their class, and a name that does not must be explained."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from pipeline.errors import DependencyError, GraphError
from pipeline.graph.registry import Registry
from tests.pipeline.graph import some_nodes

SOME = "tests.pipeline.graph.some"
NODES = "tests.pipeline.graph.some_nodes"


@pytest.fixture
def some() -> Registry:
    """The test's own package of nodes, and nothing that happens to be installed."""
    return Registry(SOME, installed=False)


def _install(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    made = EntryPoints(EntryPoint(name, value, "vitagraph.nodes") for name, value in points.items())
    monkeypatch.setattr("pipeline.graph.registry.entry_points", lambda group: made.select(group=group))


def test_registry_finds_a_node_by_its_module_name(some: Registry) -> None:
    """`use: ears.detector` is the file ears/detector.py."""
    assert some.find("ears.detector").__name__ == "Detector"


def test_registry_finds_a_class_by_module_and_name(some: Registry) -> None:
    """A node can be tried without publishing a package."""
    assert some.find(f"{NODES}:Detector") is some_nodes.Detector


def test_registry_names_are_all_nodes_and_no_helpers(some: Registry) -> None:
    """A helper in the list would be offered as a node; one that needs a package must not be missing."""
    assert some.names() == ("ears.detector", "ears.needy", "ears.two", "words.recognizer")


def test_registry_names_import_no_node() -> None:
    """A missing optional package must not break `vitagraph inspect` or a suggestion."""
    program = (
        "import sys; from pipeline.graph.registry import Registry; Registry().names();"
        "print([name for name in sys.modules if name.startswith('nodes.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_registry_names_match_the_built_in_node_classes() -> None:
    """A node that `names` overlooks has no reference page, no schema and no suggestion."""
    registry = Registry(installed=False)
    assert registry.names()
    for name in registry.names():
        assert registry.find(name).__module__ == f"nodes.{name}"


@pytest.mark.parametrize("name", ["ears.detektor", "ears._shared", "ears", "", ".", "ears.detector.Detector"])
def test_registry_unknown_name_is_a_graph_error(some: Registry, name: str) -> None:
    """Whatever is written there, the answer is about the graph and no traceback."""
    with pytest.raises(GraphError, match="there is no node"):
        some.find(name)


def test_registry_unknown_name_suggests_the_nearest(some: Registry) -> None:
    """A letter too few costs seconds, not a search."""
    with pytest.raises(GraphError) as raised:
        some.find("ears.detectr")
    assert raised.value.hint == "did you mean `ears.detector`?"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ears.two", "is not one node: its module defines Left, Right"),
        ("ears.helper", "is not one node: its module defines nothing"),
        ("a b:C", "is not the name of a node"),
        (":C", "is not the name of a node"),
        ("no.such:Thing", "there is no module `no.such`"),
        (f"{NODES}:Detectr", "has no class `Detectr`"),
        (f"{NODES}:NOT_A_NODE", "is not a node class"),
        (f"{NODES}:Sound", "is not a node class"),
        ("pipeline.node:Node", "has none of the four bases"),
    ],
)
def test_registry_explains_a_name_that_is_not_one_node(some: Registry, name: str, message: str) -> None:
    """Each mistake has its own words."""
    with pytest.raises(GraphError, match=message):
        some.find(name)


@pytest.mark.parametrize("name", ["ears.needy", f"{SOME}.ears.needy:Needy"])
def test_registry_names_a_missing_package(some: Registry, name: str) -> None:
    """The reader must learn what to install, and that the graph itself is right."""
    with pytest.raises(DependencyError) as raised:
        some.find(name)
    assert "No module named 'package_that_nobody_has'" in raised.value.message
    assert "`package_that_nobody_has`" in raised.value.hint


def test_registry_includes_nodes_of_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Third parties ship nodes without changing ours."""
    _install(monkeypatch, **{"shop.detector": f"{NODES}:Detector"})
    registry = Registry(SOME)
    assert registry.find("shop.detector") is some_nodes.Detector
    assert "shop.detector" in registry.names()
    assert "shop.detector" not in Registry(SOME, installed=False).names()


def test_registry_prefers_built_in_nodes_over_installed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing a package must not change what a graph of ours means."""
    _install(monkeypatch, **{"ears.detector": f"{NODES}:Speaker"})
    assert Registry(SOME).find("ears.detector").__name__ == "Detector"


def test_registry_refuses_one_name_from_two_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them a graph meant would depend on the order of a folder."""
    points = [EntryPoint("shop.ear", f"{NODES}:{name}", "vitagraph.nodes") for name in ("Detector", "Sorry")]
    monkeypatch.setattr("pipeline.graph.registry.entry_points", lambda group: EntryPoints(points))
    with pytest.raises(GraphError, match=r"two installed packages give a node named `shop\.ear`"):
        Registry(SOME).find("shop.ear")


@pytest.mark.parametrize("value", ["package_that_nobody_has:Ear", f"{NODES}:Nothing"])
def test_registry_explains_an_entry_point_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A half-installed package must not end in a traceback."""
    _install(monkeypatch, **{"shop.ear": value})
    with pytest.raises(DependencyError, match=r"`shop\.ear` cannot be imported"):
        Registry(SOME).find("shop.ear")


def test_registry_finds_the_converter_of_a_constraint() -> None:
    """Without it two ports of different rates cannot be linked."""
    registry = Registry(SOME, {"rate": f"{NODES}:Resampler"})
    assert registry.converter("rate") == (f"{NODES}:Resampler", some_nodes.Resampler)
    assert registry.converter("language") is None


def test_registry_refuses_a_converter_of_another_constraint() -> None:
    """The planner would insert it for ever."""
    with pytest.raises(GraphError, match="does not convert it"):
        Registry(SOME, {"rate": "ears.detector"}).converter("rate")


def test_registry_names_a_foreign_module_that_hides_the_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder `nodes` where the program is started would take our place, and every node would be unknown."""
    theirs = tmp_path / "nodes"
    theirs.mkdir()
    (theirs / "__init__.py").touch()
    for name in [name for name in sys.modules if name.partition(".")[0] == "nodes"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(GraphError, match="a module of your own named `nodes` hides") as raised:
        Registry().find("vad.energy")
    assert raised.value.found == str(theirs)
    monkeypatch.delitem(sys.modules, "nodes")
    importlib.invalidate_caches()


@pytest.mark.parametrize("name", ["pipeline:Detector", "nodes.mine:Detector"])
def test_registry_explains_a_user_module_hidden_by_vitagraph(some: Registry, name: str) -> None:
    """A person with a file pipeline.py is told why their class is not in it."""
    with pytest.raises(GraphError) as raised:
        some.find(name)
    assert "is a package of Vitagraph itself" in raised.value.hint
