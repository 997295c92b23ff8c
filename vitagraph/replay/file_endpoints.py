"""Connects the ends of a graph to files: its source reads the clip, its sinks write to a folder.

In a graph for calls, `media.source` and `media.sink` replace `webrtc.source` and `webrtc.sink`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import GraphError, Location
from pipeline.graph.document import read_document
from pipeline.graph.interpolate import resolve
from pipeline.graph.registry import Registry
from pipeline.graph.tree import Map, MapEntry, Scalar
from pipeline.node import Node, Sink, Source

REPLACEMENTS = {"webrtc.source": "media.source", "webrtc.sink": "media.sink"}
"""File nodes that replace the ends of a call."""


RECORDED_CALL = {
    "webrtc.source": "vitagraph.replay.recorded_source:RecordedSource",
    "media.source": "vitagraph.replay.recorded_source:RecordedSource",
    "webrtc.sink": "vitagraph.replay.client_sink:ClientSink",
}
"""What replaces them, where the clip is the recording of a call."""


class FileRegistry(Registry):
    """A registry that replaces the ends of a call by file nodes."""

    def __init__(self, replacements: Mapping[str, str] = REPLACEMENTS) -> None:
        super().__init__()
        self._replacements = replacements

    def find(self, use: str) -> type[Node[Any]]:
        """The class for a name, or its replacement."""
        return super().find(self._replacements.get(use, use))


@dataclass(frozen=True, slots=True)
class FileEndpoint:
    """A node with a `path` parameter; `file` is its value in the graph."""

    name: str
    node: type[Node[Any]]
    file: str | None
    where: Location

    @property
    def required(self) -> bool:
        return self.node.params_type.model_fields["path"].is_required()

    def inside(self, folder: Path) -> Path:
        """Where a sink writes: a file of the same name, one named after the node, or the folder itself."""
        if self.file is not None:
            return folder / Path(self.file).name
        return folder / f"{self.name}{getattr(self.node, 'suffix', '')}" if self.required else folder


@dataclass(frozen=True, slots=True)
class FileEndpoints:
    """The nodes of a graph that read or write files."""

    sources: tuple[FileEndpoint, ...]
    sinks: tuple[FileEndpoint, ...]
    where: Location
    unasked: tuple[tuple[str, str], ...] = ()
    """Settings without which a node speaks of its own accord, and their values."""

    def settings(self, clip: Path, folder: Path, *, greet: bool = False) -> dict[str, str]:
        """The settings with which the graph reads the clip and writes to the folder.

        A recorded person did not hear the greeting and would talk over it, so it is said only with `greet`.
        The clip goes to the sources without a `path`, or else to the only source with one. Raises
        GraphError if there are several sources, each with its own `path`, or none.
        """
        unset = [end for end in self.sources if end.file is None]
        if not unset and len(self.sources) != 1:
            raise self._no_source_error()
        sources = [end for end in unset if end.required] or unset or self.sources
        silent = {} if greet else dict(self.unasked)
        paths = {end.name: clip for end in sources} | {end.name: end.inside(folder) for end in self.sinks}
        return _settings(paths) | silent

    def placeholders(self) -> dict[str, str]:
        """Placeholders for each `path` that a replay provides, so that the graph can be checked without one."""
        ends = [*self.sources, *(end for end in self.sinks if end.required)]
        return _settings({end.name: Path("given-by-replay") for end in ends if end.file is None})

    def _no_source_error(self) -> GraphError:
        return GraphError(
            "no source of this graph can read the clip",
            where=self.sources[0].where if self.sources else self.where,
            expected="a source without a `path`, or a single source with one",
            found="several sources, each with its own `path`" if self.sources else "no source with a `path` parameter",
            hint="remove the `path` of the source that should read it" if self.sources else "use media.source",
        )


def find_file_endpoints(file: Path, registry: Registry, settings: Mapping[str, str]) -> FileEndpoints:
    """Finds the file nodes of the merged graph; a sink whose `path` is in `settings` is left out."""
    document = resolve(read_document(file), settings, os.environ)
    ends = list(_ends(document, registry))
    unasked = ((name, value) for name, value in _unasked(document, registry) if name not in settings)
    return FileEndpoints(
        tuple(end for end in ends if issubclass(end.node, Source)),
        tuple(end for end in ends if issubclass(end.node, Sink) and f"{end.name}.path" not in settings),
        document.where,
        tuple(unasked),
    )


def _settings(paths: Mapping[str, Path]) -> dict[str, str]:
    return {f"{name}.path": str(path).replace("${", "$${") for name, path in paths.items()}


def _ends(document: Map, registry: Registry) -> Iterator[FileEndpoint]:
    for name, entry, spec, node in _nodes(document, registry):
        if "path" in node.params_type.model_fields:
            path = spec.get("path")
            yield FileEndpoint(name, node, path.text if isinstance(path, Scalar) else None, entry.where)


def _unasked(document: Map, registry: Registry) -> Iterator[tuple[str, str]]:
    for name, _, spec, node in _nodes(document, registry):
        for parameter, off in (("greeting", ""), ("reprompt_after", "0s")):
            if parameter in spec.entries and parameter in node.params_type.model_fields:
                yield f"{name}.{parameter}", off


def _nodes(document: Map, registry: Registry) -> Iterator[tuple[str, MapEntry, Map, type[Node[Any]]]]:
    nodes = document.get("nodes")
    for name, entry in nodes.entries.items() if isinstance(nodes, Map) else ():
        spec = entry.value
        node = _class(spec, registry) if isinstance(spec, Map) else None
        if isinstance(spec, Map) and node is not None:
            yield name, entry, spec, node


def _class(spec: Map, registry: Registry) -> type[Node[Any]] | None:
    use = spec.get("use")
    try:
        return registry.find(use.text) if isinstance(use, Scalar) else None
    except GraphError:
        return None  # the loader reports it together with all other problems
