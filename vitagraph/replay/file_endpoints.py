"""Points the ends of a graph at files: the clip goes in, what comes out goes to a folder.

A graph for calls has `webrtc.source` and `webrtc.sink`; `media.source` and `media.sink` stand
in for them.
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
from pipeline.graph.tree import Map, Scalar
from pipeline.node import Node, Sink, Source

STAND_INS = {"webrtc.source": "media.source", "webrtc.sink": "media.sink"}
"""What takes the place of the ends of a call."""


class FileRegistry(Registry):
    """Finds the nodes that a replay runs: those of the graph, but files where a call would be."""

    def find(self, use: str) -> type[Node[Any]]:
        """The class of a name, or the one that stands in for it."""
        return super().find(STAND_INS.get(use, use))


@dataclass(frozen=True, slots=True)
class FileEndpoint:
    """A node that has a `path`; `file` is what the graph says it is."""

    name: str
    node: type[Node[Any]]
    file: str | None
    where: Location

    @property
    def required(self) -> bool:
        return self.node.params_type.model_fields["path"].is_required()

    def inside(self, folder: Path) -> Path:
        """Where it writes: a file of the same name, or one named after the node, or the folder itself."""
        if self.file is not None:
            return folder / Path(self.file).name
        return folder / f"{self.name}{getattr(self.node, 'suffix', '')}" if self.required else folder


@dataclass(frozen=True, slots=True)
class FileEndpoints:
    """The file nodes of a graph."""

    sources: tuple[FileEndpoint, ...]
    sinks: tuple[FileEndpoint, ...]
    where: Location

    def settings(self, clip: Path, folder: Path) -> dict[str, str]:
        """The settings that let the graph read the clip and write to the folder.

        The clip goes to the sources whose `path` is left open, or else to the only one that has a `path`.
        """
        unset = [end for end in self.sources if end.file is None]
        if not unset and len(self.sources) != 1:
            raise self._no_way_in()
        sources = [end for end in unset if end.required] or unset or self.sources
        return _settings({end.name: clip for end in sources} | {end.name: end.inside(folder) for end in self.sinks})

    def placeholders(self) -> dict[str, str]:
        """Stand-ins for each `path` that a replay must give, so that the graph can be checked without one."""
        ends = [*self.sources, *(end for end in self.sinks if end.required)]
        return _settings({end.name: Path("given-by-replay") for end in ends if end.file is None})

    def _no_way_in(self) -> GraphError:
        return GraphError(
            "nothing in this graph takes the clip",
            where=self.sources[0].where if self.sources else self.where,
            expected="a source whose `path` is left open, or only one source with a `path`",
            found="several sources, each with its own `path`" if self.sources else "no source that has a `path`",
            hint="remove the `path` of the one that shall take it" if self.sources else "use media.source",
        )


def find_file_endpoints(file: Path, registry: Registry, settings: Mapping[str, str]) -> FileEndpoints:
    """Looks for them in the merged graph; `settings` are those of the command line, which win for sinks."""
    document = resolve(read_document(file), settings, os.environ)
    ends = list(_ends(document, registry))
    return FileEndpoints(
        tuple(end for end in ends if issubclass(end.node, Source)),
        tuple(end for end in ends if issubclass(end.node, Sink) and f"{end.name}.path" not in settings),
        document.where,
    )


def _settings(paths: Mapping[str, Path]) -> dict[str, str]:
    return {f"{name}.path": str(path).replace("${", "$${") for name, path in paths.items()}


def _ends(document: Map, registry: Registry) -> Iterator[FileEndpoint]:
    nodes = document.get("nodes")
    for name, entry in nodes.entries.items() if isinstance(nodes, Map) else ():
        spec = entry.value
        node = _class(spec, registry) if isinstance(spec, Map) else None
        if isinstance(spec, Map) and node is not None and "path" in node.params_type.model_fields:
            path = spec.get("path")
            yield FileEndpoint(name, node, path.text if isinstance(path, Scalar) else None, entry.where)


def _class(spec: Map, registry: Registry) -> type[Node[Any]] | None:
    use = spec.get("use")
    try:
        return registry.find(use.text) if isinstance(use, Scalar) else None
    except GraphError:
        return None  # The loader tells, together with all else that is wrong.
