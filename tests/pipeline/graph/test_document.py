"""An overlay must change exactly what it says, and every file must be checked by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GraphError, Location
from pipeline.graph.document import parse_document, read_document
from pipeline.graph.tree import Map, Scalar, plain

BASE = """\
vitagraph: 1
description: The base.
params: {speaker: joe, speed: 1}
budget: {voice_to_voice: 700ms}
nodes:
  vad: vad.energy
  turn:
    use: turn.endpoint
    description: Decides.
    floor: 200ms
    corrections: {a: b}
    fallback: [x.a, x.b]
links:
  - vad -> turn
on_error: end
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the base graph, where errors show short names."""
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)
    return tmp_path


def overlay(text: str) -> Map:
    """The document of an overlay on the base."""
    Path("over.yaml").write_text(f"vitagraph: 1\nextends: base.yaml\n{text}")
    return read_document(Path("over.yaml"))


def changed(text: str) -> dict[str, object]:
    """The overlay as plain values."""
    merged: dict[str, object] = plain(overlay(text))
    return merged


def base() -> dict[str, object]:
    """The base as plain values."""
    merged: dict[str, object] = plain(read_document(Path("base.yaml")))
    return merged


@pytest.mark.usefixtures("folder")
def test_empty_overlay_changes_nothing() -> None:
    """Inheritance is complete."""
    assert changed("") == base()


@pytest.mark.usefixtures("folder")
def test_overlay_merges_into_the_short_form_of_a_node() -> None:
    """What is written short can be changed key by key all the same."""
    nodes = changed("nodes:\n  vad: {threshold: 3}\n")["nodes"]
    assert isinstance(nodes, dict)
    assert nodes["vad"] == {"use": "vad.energy", "threshold": 3}


@pytest.mark.usefixtures("folder")
def test_overlay_merges_nodes_by_key_and_replaces_values() -> None:
    """Merging lists or mappings would keep values that the overlay was meant to replace."""
    nodes = changed("nodes:\n  turn: {floor: 1s, corrections: {c: d}, fallback: x.c}\n  face: face.visemes\n")["nodes"]
    assert isinstance(nodes, dict)
    assert list(nodes) == ["vad", "turn", "face"]
    assert nodes["turn"] == {
        "use": "turn.endpoint",
        "description": "Decides.",
        "floor": "1s",
        "corrections": {"c": "d"},
        "fallback": "x.c",
    }


@pytest.mark.usefixtures("folder")
def test_overlay_null_removes_the_key() -> None:
    """A node, a parameter or a whole section can be taken away."""
    merged = changed("params: {speed: null}\nbudget: null\nnodes:\n  vad: null\n  turn: {floor: null}\nlinks: []\n")
    assert merged["params"] == {"speaker": "joe"}
    assert "budget" not in merged
    assert merged["links"] == []
    nodes = merged["nodes"]
    assert isinstance(nodes, dict)
    assert list(nodes) == ["turn"]
    assert "floor" not in nodes["turn"]


@pytest.mark.usefixtures("folder")
def test_overlay_with_another_class_drops_the_base_parameters() -> None:
    """`floor` means nothing to another class; what is the node's own stays."""
    nodes = changed("nodes:\n  turn: {use: turn.other, patience: 3}\n")["nodes"]
    assert isinstance(nodes, dict)
    kept = {"use": "turn.other", "description": "Decides.", "fallback": ["x.a", "x.b"], "patience": 3}
    assert nodes["turn"] == kept


@pytest.mark.usefixtures("folder")
def test_overlay_repeating_the_same_class_drops_nothing() -> None:
    """To repeat `use` for the reader's sake is harmless, in both forms."""
    assert changed("nodes:\n  turn: turn.endpoint\n") == base()


@pytest.mark.usefixtures("folder")
def test_merged_values_keep_their_source_location() -> None:
    """An error in an inherited value points to the file that has it."""
    nodes = overlay("nodes:\n  turn: {floor: 1s}\n").get("nodes")
    assert isinstance(nodes, Map)
    turn = nodes.get("turn")
    assert isinstance(turn, Map)
    floor, use = turn.get("floor"), turn.get("use")
    assert isinstance(floor, Scalar)
    assert floor.where == Location("over.yaml", 4, 17)
    assert isinstance(use, Scalar)
    assert use.where == Location("base.yaml", 8, 10)


def test_extends_is_relative_to_its_own_file(folder: Path) -> None:
    """An overlay in another folder, extended by a third, still finds its base."""
    (folder / "chaos").mkdir()
    (folder / "chaos" / "slow.yaml").write_text("vitagraph: 1\nextends: ../base.yaml\ndescription: Slow.\n")
    (folder / "worse.yaml").write_text("vitagraph: 1\nextends: chaos/slow.yaml\non_error: degrade\n")
    merged = plain(read_document(folder / "worse.yaml"))
    assert merged == {**base(), "description": "Slow.", "on_error": "degrade"}


@pytest.mark.usefixtures("folder")
def test_document_leaves_out_x_keys() -> None:
    """`x-` is for anchors and notes, and never a parameter."""
    assert changed("x-note: 1\nnodes:\n  x-usual: {a: 1}\n  turn: {x-why: because}\n") == base()


@pytest.mark.usefixtures("folder")
def test_document_files_are_read_by_the_given_function() -> None:
    """A host notes which files a graph was made from."""
    read: list[str] = []

    def noting(path: Path) -> str:
        read.append(path.name)
        return path.read_text()

    assert overlay("") == read_document(Path("over.yaml"), noting)
    assert read == ["over.yaml", "base.yaml"]


@pytest.mark.usefixtures("folder")
def test_missing_graph_file_suggests_a_similar_name() -> None:
    """A typing mistake in a path is the commonest of all."""
    with pytest.raises(GraphError, match=r"there is no graph `bsae\.yaml`") as raised:
        read_document(Path("bsae.yaml"))
    assert raised.value.hint == "did you mean `base.yaml`?"
    with pytest.raises(GraphError, match="this is a folder"):
        read_document(Path())
    with pytest.raises(GraphError, match="there is no graph"):
        read_document(Path("no/such/folder.yaml"))


@pytest.mark.usefixtures("folder")
def test_missing_extends_suggestion_keeps_the_folder() -> None:
    """The hint can be pasted."""
    Path("sub").mkdir()
    Path("over.yaml").write_text("vitagraph: 1\nextends: ./sub/../baze.yaml\n")
    with pytest.raises(GraphError) as raised:
        read_document(Path("over.yaml"))
    assert raised.value.hint == "did you mean `./sub/../base.yaml`?"


@pytest.mark.parametrize("name", ["", ".", "a\\0b", "\\ud800", "x" * 5000, "no/such/../g.yaml"])
@pytest.mark.usefixtures("folder")
def test_invalid_extends_file_name_is_a_graph_error(name: str) -> None:
    """The system refuses some names in ways of its own."""
    Path("over.yaml").write_text(f'vitagraph: 1\nextends: "{name}"\n')
    with pytest.raises(GraphError):
        read_document(Path("over.yaml"))
    with pytest.raises(GraphError):
        parse_document(Path("over.yaml").read_text(), Path("no/such/folder/over.yaml"))


@pytest.mark.usefixtures("folder")
def test_document_bounds_the_chain_of_extended_graphs() -> None:
    """A chain of a thousand files is an error in words, and no RecursionError."""
    for number in range(1200):
        Path(f"{number}.yaml").write_text(f"vitagraph: 1\nextends: {number + 1}.yaml\n")
    Path("1200.yaml").write_text(BASE)
    with pytest.raises(GraphError, match="too many graphs extend one another") as raised:
        read_document(Path("0.yaml"))
    assert raised.value.expected == "at most 50, one above the other"
    assert raised.value.where == Location("50.yaml", 2, 10)
    assert plain(read_document(Path("1150.yaml"))) == base()
