"""Where a replay reads the clip and writes files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.packets import Speech
from pipeline.errors import GraphError
from pipeline.graph.registry import Registry
from pipeline.node import Sink
from pipeline.params import Params
from pipeline.port import Input
from vitagraph.replay.file_endpoints import FileEndpoints, find_file_endpoints

SCRIPTED = "tests.vitagraph.scripted:Scripted"
FILE_SINK = "tests.vitagraph.replay.test_file_endpoints:FileSink"
FOLDER_SINK = "tests.vitagraph.scripted:Listener"


class FileParams(Params):
    """Requires a path."""

    path: str
    """The file."""


class FileSink(Sink[FileParams]):
    """Writes one file."""

    suffix = ".txt"
    speech = Input(Speech)

    @speech.each
    async def write(self, speech: Speech) -> None:
        """Does nothing."""


def ends(folder: Path, nodes: str, **settings: str) -> FileEndpoints:
    """The file endpoints of a graph with these nodes."""
    file = folder / "graph.yaml"
    file.write_text(f"vitagraph: 1\nnodes: {nodes}\n", encoding="utf-8")
    return find_file_endpoints(file, Registry(), {name.replace("__", "."): value for name, value in settings.items()})


def test_file_endpoints_send_the_clip_to_the_source_without_a_path(tmp_path: Path) -> None:
    """A second source, such as noise, keeps its own file."""
    found = ends(tmp_path, f"{{a: {{use: '{SCRIPTED}', path: noise.wav}}, b: '{SCRIPTED}'}}")
    assert found.settings(Path("clip.wav"), Path("out")) == {"b.path": "clip.wav"}


def test_file_endpoints_replace_the_path_of_the_only_source(tmp_path: Path) -> None:
    """A graph with an example recording can be replayed with another."""
    found = ends(tmp_path, f"{{a: {{use: '{SCRIPTED}', path: example.wav}}}}")
    assert found.settings(Path("clip.wav"), Path("out")) == {"a.path": "clip.wav"}


def test_file_endpoints_refuse_two_sources_with_their_own_paths(tmp_path: Path) -> None:
    """It is unclear which of them should read the clip."""
    found = ends(tmp_path, f"{{a: {{use: '{SCRIPTED}', path: x}}, b: {{use: '{SCRIPTED}', path: y}}}}")
    with pytest.raises(GraphError, match="several sources"):
        found.settings(Path("clip.wav"), Path("out"))


def test_file_endpoints_put_every_sink_into_the_folder_of_the_clip(tmp_path: Path) -> None:
    """Two clips must not write to the same file, whatever the path in the graph."""
    nodes = f"""{{a: '{SCRIPTED}', folder: '{FOLDER_SINK}', file: '{FILE_SINK}',
      named: {{use: '{FILE_SINK}', path: /elsewhere/words.txt}}}}"""
    assert ends(tmp_path, nodes).settings(Path("c"), Path("out/c")) == {
        "a.path": "c",
        "folder.path": "out/c",
        "file.path": "out/c/file.txt",
        "named.path": "out/c/words.txt",
    }


def test_file_endpoints_keep_a_path_of_the_command_line(tmp_path: Path) -> None:
    """An explicit path has priority."""
    found = ends(tmp_path, f"{{a: '{SCRIPTED}', file: '{FILE_SINK}'}}", file__path="here.txt")
    assert found.settings(Path("c"), Path("out")) == {"a.path": "c"}


def test_file_endpoints_accept_any_clip_name(tmp_path: Path) -> None:
    """`${` in a file name is not a parameter of the graph."""
    found = ends(tmp_path, f"{{a: '{SCRIPTED}'}}")
    assert found.settings(Path("${x}.wav"), Path("out")) == {"a.path": "$${x}.wav"}


def test_file_endpoints_leave_unknown_nodes_to_the_loader(tmp_path: Path) -> None:
    """The loader reports them together with all other problems."""
    assert ends(tmp_path, f"{{a: '{SCRIPTED}', b: no.such}}").placeholders() == {"a.path": "given-by-replay"}
