"""The graphs that can be called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.dialogue._service import ChatParams
from nodes.webrtc.source import WebRtcSource
from pipeline.errors import GraphError, UserInputError
from pipeline.graph.graph import Member
from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from vitagraph.chaos.inject import inject_faults
from vitagraph.chaos.spec import NO_FAULTS, Chaos

OURS = Path(__file__).parent.parent
"""Where the graphs that come with the program are: in `graphs` here, or beside the package."""
FIRST = "assistant"
"""Which of the graphs is called when nobody says which."""


class UnknownGraph(UserInputError):
    """There is no graph of that name to be called."""


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """A graph that can be called."""

    name: str
    description: str


class Gallery:
    """Every graph of some folders that has a caller; read anew at each call, so that it can be edited.

    The folders that come later win; those of the program come first. `default` is a name, or
    a file anywhere; `chaos` is what goes wrong in calls of it. Raises GraphError where the
    default is wrong, has no caller, or cannot have the chaos.
    """

    def __init__(
        self,
        default: str | Path | None = None,
        folders: Sequence[Path] = (),
        chaos: Chaos = NO_FAULTS,
    ) -> None:
        self._chaos = chaos
        self._files = {file.stem: file for folder in (*_ours(), *folders) for file in _graphs(folder)}
        if default is not None and (Path(default).suffix or Path(default).exists()):
            self._files[Path(default).stem] = Path(default)
            default = Path(default).stem
        self._calls = {name: info for name, file in self._files.items() if (info := _info(file)) is not None}
        self.default = str(default or (FIRST if FIRST in self._calls else next(iter(self._calls), "")))
        inject_faults(self.template(self.default), chaos)

    def list(self) -> list[GraphInfo]:
        """Those that can be called, the default first."""
        return sorted(self._calls.values(), key=lambda info: (info.name != self.default, info.name))

    def __contains__(self, name: str) -> bool:
        return name in self._calls

    def plan(self, name: str, instructions: str = "") -> Plan:
        """The plan for one call; blocks for some milliseconds. Raises UnknownGraph and GraphError.

        `instructions` take the place of the `system` of chat models.
        """
        template = self.template(name)
        nodes = {
            key: dataclasses.replace(node, members=tuple(_instructed(each, instructions) for each in node.members))
            for key, node in template.nodes.items()
        }
        made = dataclasses.replace(template, nodes=nodes)
        return inject_faults(made, self._chaos) if name == self.default else made

    def template(self, name: str) -> Plan:
        """The plan of a graph without a call."""
        if name not in self._files:
            known = ", ".join(info.name for info in self.list()) or "none"
            raise UnknownGraph(f"there is no graph {name!r} here", hint=f"those that can be called: {known}")
        file = self._files[name]
        planned = _planned(file)
        if not _has_caller(planned):
            raise GraphError(
                f"nobody can call {file}",
                expected="a source `webrtc.source`, and `webrtc.sink` for the answers",
                hint="`vitagraph replay` runs a graph over files; graphs/assistant.yaml is one for calls",
            )
        return planned


def _ours() -> Iterator[Path]:
    return (folder for folder in (OURS / "graphs", OURS.parent / "graphs") if folder.is_dir())


def _graphs(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UserInputError(f"{folder} is not a folder", hint="give a folder with graphs: --graphs DIR")
    return (file for file in sorted(folder.glob("*.yaml")) if not file.stem.endswith(".scenario"))


def _planned(file: Path) -> Plan:
    registry = Registry()
    return plan(load(file, registry=registry), registry)


def _info(file: Path) -> GraphInfo | None:
    """None where nobody can call it, or it is wrong: who calls it by name is told why."""
    try:
        planned = _planned(file)
    except GraphError:
        return None
    return GraphInfo(file.stem, planned.graph.description) if _has_caller(planned) else None


def _has_caller(planned: Plan) -> bool:
    primaries = (node.members[0] for node in planned.nodes.values())
    return any(issubclass(member.node, WebRtcSource) for member in primaries)


def _instructed(member: Member, instructions: str) -> Member:
    if not instructions or not isinstance(member.params, ChatParams):
        return member
    return dataclasses.replace(member, params=member.params.model_copy(update={"system": instructions}))
