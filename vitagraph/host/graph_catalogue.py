"""The graphs that can be called, each planned once a change of its files."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.webrtc.source import WebRtcSource
from pipeline.errors import GraphError, UserInputError
from pipeline.graph.loader import NOTHING, load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.graph.yaml import read_text
from vitagraph.chaos.inject import inject_faults
from vitagraph.chaos.spec import NO_FAULTS, Chaos

BUILTIN = Path(__file__).parent.parent
"""The builtin graphs are in `graphs` here, or beside the package."""
FIRST = "assistant"
"""The graph that is called by default."""


class UnknownGraph(UserInputError):
    """No graph of that name can be called."""


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """A graph that can be called."""

    name: str
    description: str


class GraphCatalogue:
    """Every graph of some folders that has a `webrtc.source`.

    Later folders take precedence; the builtin graphs come first. `default` is a name, or any
    file; `settings` are those of its parameters and nodes, as of a command line, and `chaos` has
    the faults of its calls. Raises GraphError if the default is invalid, has
    no `webrtc.source`, or cannot have these faults. Safe to use from several threads.
    """

    def __init__(
        self,
        default: str | Path | None = None,
        folders: Sequence[Path] = (),
        chaos: Chaos = NO_FAULTS,
        settings: Mapping[str, str] = NOTHING,
    ) -> None:
        files = {file.stem: file for folder in (*_builtin_folders(), *folders) for file in _graphs(folder)}
        if default is not None and (Path(default).suffix or Path(default).exists()):
            files[Path(default).stem] = Path(default)
            default = Path(default).stem
        self._graphs = {name: _GraphFile(file) for name, file in files.items()}
        self._callable = {name: info for name, graph in self._graphs.items() if (info := graph.info()) is not None}
        self.default = str(default or (FIRST if FIRST in self._callable else next(iter(self._callable), "")))
        if (chaos.faults or settings) and self.default in self._graphs:
            self._graphs[self.default] = _GraphFile(files[self.default], chaos, settings)
        self.plan(self.default)

    def list(self) -> list[GraphInfo]:
        """The graphs that can be called, the default first."""
        return sorted(self._callable.values(), key=lambda info: (info.name != self.default, info.name))

    def __contains__(self, name: str) -> bool:
        return name in self._callable

    def plan(self, name: str) -> Plan:
        """The plan of a graph: the same one until the graph's file, or one that it extends, changes.

        Reads files, and plans for some milliseconds after a change. Raises UnknownGraph and GraphError.
        """
        if name not in self._graphs:
            known = ", ".join(info.name for info in self.list()) or "none"
            raise UnknownGraph(f"there is no graph {name!r} here", hint=f"those that can be called: {known}")
        return self._graphs[name].plan()


class _GraphFile:
    """One graph and its plan."""

    def __init__(self, path: Path, chaos: Chaos = NO_FAULTS, settings: Mapping[str, str] = NOTHING) -> None:
        self._path = path
        self._chaos = chaos
        self._settings = settings
        self._lock = threading.Lock()
        self._plan: Plan | None = None
        self._states: dict[Path, tuple[int, int] | None] = {}
        """The state of each file that the plan was made from, taken before it was read."""

    def info(self) -> GraphInfo | None:
        """None if it cannot be called or is invalid; `plan` says why."""
        try:
            return GraphInfo(self._path.stem, self.plan().graph.description)
        except GraphError:
            return None

    def plan(self) -> Plan:
        with self._lock:
            if self._plan is None or any(_state(path) != state for path, state in self._states.items()):
                self._plan, self._states = None, {}  # it stays so if planning fails
                self._plan = self._planned()
            return self._plan

    def _planned(self) -> Plan:
        registry = Registry()
        planned = plan(load(self._path, registry=registry, settings=self._settings, read=self._read), registry)
        primaries = (node.members[0] for node in planned.nodes.values())
        if not any(issubclass(member.node, WebRtcSource) for member in primaries):
            raise GraphError(
                f"{self._path} cannot be called",
                expected="a source `webrtc.source`, and `webrtc.sink` for the answers",
                hint="`vitagraph replay` runs a graph over files; graphs/assistant.yaml is one for calls",
            )
        return inject_faults(planned, self._chaos)

    def _read(self, path: Path) -> str:
        self._states[path] = _state(path)
        return read_text(path)


def _state(path: Path) -> tuple[int, int] | None:
    """Time of modification in nanoseconds, and size in bytes; None if there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _builtin_folders() -> Iterator[Path]:
    return (folder for folder in (BUILTIN / "graphs", BUILTIN.parent / "graphs") if folder.is_dir())


def _graphs(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UserInputError(f"{folder} is not a folder", hint="give a folder with graphs: --graphs DIR")
    return (file for file in sorted(folder.glob("*.yaml")) if not file.stem.endswith(".scenario"))
