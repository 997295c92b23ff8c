"""The graph as written: names, classes, parameters and links, checked one by one.

Whether the links fit together is the planner's question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import Location
from pipeline.graph.tree import Map, Value
from pipeline.node import Node
from pipeline.packet import Full
from pipeline.params import Params
from pipeline.policies.spec import BreakerSpec, CacheSpec, DeadlineSpec, LimitSpec, PoolBounds, RetrySpec

OnError = Literal["degrade", "end"]
"""What a session does when a node cannot go on: continue without it, or end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One class with its parameters: a node's own, or one of its fallbacks."""

    use: str
    node: type[Node[Any]]
    params: Params
    where: Location
    deadline: DeadlineSpec = field(default_factory=DeadlineSpec)
    retry: RetrySpec = field(default_factory=RetrySpec)
    breaker: BreakerSpec = field(default_factory=BreakerSpec)
    pool: PoolBounds | None = None
    """None leaves it to the class."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: the members that may serve it, the primary first."""

    name: str
    members: tuple[Member, ...]
    description: str
    where: Location
    limit: LimitSpec | None = None
    cache: CacheSpec | None = None

    @property
    def primary(self) -> Member:
        """The member that serves when all is well."""
        return self.members[0]


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """What the graph says of a link's queue; None leaves it to the kinds it carries."""

    time: int | None = None
    """Nanoseconds of media that may wait."""
    count: int | None = None
    """Packets that may wait."""
    full: Full | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """From one node to another; a port is None where the graph leaves it to the planner."""

    source: str
    source_port: str | None
    target: str
    target_port: str | None
    queue: QueueSpec | None
    """None where the planner may fuse; an empty spec forces a queue."""
    where: Location

    def __str__(self) -> str:
        return f"{_end(self.source, self.source_port)} -> {_end(self.target, self.target_port)}"


@dataclass(frozen=True, slots=True)
class Graph:
    """A loaded graph: overlays merged, parameters filled in, every class found."""

    path: Path
    description: str
    params: Mapping[str, Value]
    nodes: Mapping[str, NodeSpec]
    links: tuple[Link, ...]
    budget: Mapping[str, int]
    """Nanoseconds, by what they limit."""
    on_error: OnError
    source: Map
    """The merged YAML, in which everything knows the line it came from."""


def _end(node: str, port: str | None) -> str:
    return f"{node}.{port}" if port else node
