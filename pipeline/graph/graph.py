"""The graph as written: names, classes, parameters and links, each checked by itself.

Whether the links fit together is checked by the planner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.compute.pool_spec import PoolBounds
from pipeline.errors import Location
from pipeline.graph.tree import Map, Value
from pipeline.node import Node
from pipeline.packet import Full
from pipeline.params import Duration, Params
from pipeline.policies.spec import BreakerSpec, CacheSpec, DeadlineSpec, LimitSpec, RetrySpec

OnError = Literal["degrade", "end"]
"""What a session does when a node cannot go on: continue without it, or end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One class with its parameters: the primary of a node, or one of its fallbacks."""

    use: str
    node: type[Node[Any]]
    params: Params
    where: Location
    deadline: DeadlineSpec = field(default_factory=DeadlineSpec)
    retry: RetrySpec = field(default_factory=RetrySpec)
    breaker: BreakerSpec = field(default_factory=BreakerSpec)
    pool: PoolBounds | None = None
    """None: as the class declares."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: its members in the order in which they are tried, the primary first."""

    name: str
    members: tuple[Member, ...]
    description: str
    where: Location
    limit: LimitSpec | None = None
    cache: CacheSpec | None = None

    @property
    def primary(self) -> Member:
        """The first member."""
        return self.members[0]


class QueueSpec(Params):
    """The bounds of a link's queue; what is left out is as the kinds of packet that it carries declare."""

    time: Duration | None = Field(None, gt=0)
    """Media time that may wait."""
    count: int | None = Field(None, ge=1)
    """Packets that may wait."""
    full: Full | None = None
    """What a full queue does with one more packet."""


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """From an output of one node to an input of another."""

    source: str
    source_port: str
    """Empty: the planner chooses the port."""
    target: str
    target_port: str
    """Empty: the planner chooses the port."""
    queue: QueueSpec | None
    """None: the planner may fuse the link; an empty spec forces a queue."""
    where: Location

    def __str__(self) -> str:
        return f"{_end(self.source, self.source_port)} -> {_end(self.target, self.target_port)}"


class BudgetSpec(Params):
    """How long things may take. What takes longer is reported as an event, and does not fail."""

    voice_to_voice: Duration | None = Field(None, gt=0)
    """From the last voiced sample of a turn to the first audible sample of its answer."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A loaded graph: overlays merged, references filled in, classes found, parameters checked."""

    path: Path
    description: str
    params: Mapping[str, Value]
    nodes: Mapping[str, NodeSpec]
    links: tuple[LinkSpec, ...]
    budget: BudgetSpec
    on_error: OnError
    source: Map
    """The merged YAML, with the location of every key and value."""


def _end(node: str, port: str) -> str:
    return f"{node}.{port}" if port else node
