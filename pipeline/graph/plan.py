"""The plan: a graph that is checked, typed and fused, ready for sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.caps import Value
from pipeline.graph.graph import BudgetSpec, Graph, Member
from pipeline.packet import Event, Packet, Queue
from pipeline.policies.spec import CacheSpec, LimitSpec


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node: its members, the primary first, and what planning decided."""

    name: str
    members: tuple[Member, ...]
    caps: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By port and constraint: `caps["audio"]["rate"]`."""
    inserted: bool = False
    """Whether planning inserted it to bridge a mismatch of caps."""
    needed: bool = True
    """Whether a session cannot do without it: false of a service that gives only to optional inputs."""
    limit: LimitSpec | None = None
    cache: CacheSpec | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlannedLink:
    """One link between two ports."""

    source: str
    source_port: str
    target: str
    target_port: str
    kinds: tuple[type[Packet], ...]
    """The kinds that it carries: those that the source gives and the target takes."""
    queue: Queue | None
    """None when fused: delivery is a call."""
    caps: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`vad.speech -> turn.speech`."""
        return f"{self.source}.{self.source_port} -> {self.target}.{self.target_port}"


@dataclass(frozen=True, slots=True)
class PlannedFeedback:
    """An upstream event: the node that sends it and one that receives it."""

    source: str
    target: str
    target_port: str
    event: type[Event]


@dataclass(frozen=True, slots=True)
class Latency:
    """The least nanoseconds from a source to a sink, along the path that takes longest."""

    total: int
    parts: tuple[tuple[str, int], ...]
    """(node, nanoseconds) along that path, without nodes that add nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is made from; shared by all sessions of a graph."""

    graph: Graph
    nodes: Mapping[str, PlannedNode]
    links: tuple[PlannedLink, ...]
    feedback: tuple[PlannedFeedback, ...]
    latency: Latency
    warnings: tuple[str, ...] = ()

    @property
    def budget(self) -> BudgetSpec:
        """How long things may take."""
        return self.graph.budget

    def downstream(self, origin: str) -> frozenset[str]:
        """The nodes that packets of `origin` can reach: the scope of its flush."""
        targets: defaultdict[str, list[str]] = defaultdict(list)
        for link in self.links:
            targets[link.source].append(link.target)
        return frozenset(reachable(origin, targets))


def reachable(start: str, neighbours: Mapping[str, Iterable[str]]) -> set[str]:
    """The nodes that can be reached from a node by one step or more."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for name in neighbours.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached
