"""The plan: a graph that is checked, typed and fused, ready for sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.caps import Value
from pipeline.graph.graph import Graph, Member
from pipeline.packet import Event, Packet, Queue
from pipeline.policies.spec import CacheSpec, LimitSpec


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node: who serves it (the first, then its fallbacks) and what planning agreed."""

    name: str
    members: tuple[Member, ...]
    caps: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By port and constraint: `caps["audio"]["rate"]`."""
    inserted: bool = False
    """Whether planning put it there to bridge a mismatch."""
    needed: bool = True
    """Whether a session cannot be without it: false of a service that gives only to optional inputs."""
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
    """The kinds that it carries: what the one end gives and the other takes."""
    queue: Queue | None
    """None when fused: delivery is a call."""
    caps: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`vad.speech -> turn.speech`."""
        return f"{self.source}.{self.source_port} -> {self.target}.{self.target_port}"


@dataclass(frozen=True, slots=True)
class PlannedFeedback:
    """An upstream event: a node that sends it and one that receives it."""

    source: str
    target: str
    target_port: str
    event: type[Event]


@dataclass(frozen=True, slots=True)
class Latency:
    """The least nanoseconds from a source to a sink, and what they are made of."""

    total: int
    parts: tuple[tuple[str, int], ...]
    """(node, nanoseconds) along the path that takes longest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is made from; shared by all sessions of a graph."""

    graph: Graph
    nodes: Mapping[str, PlannedNode]
    links: tuple[PlannedLink, ...]
    feedback: tuple[PlannedFeedback, ...]
    latency: Latency
    warnings: tuple[str, ...] = ()

    def downstream(self, origin: str) -> frozenset[str]:
        """The nodes that packets of `origin` can reach: the scope of its flush."""
        reached: set[str] = set()
        waiting = [origin]
        while waiting:
            here = waiting.pop()
            for link in self.links:
                if link.source == here and link.target not in reached:
                    reached.add(link.target)
                    waiting.append(link.target)
        return frozenset(reached)
