"""The faults of a chaos file, and the nodes they apply to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import msgspec
from pydantic import ConfigDict, Field, model_validator

from pipeline.errors import Category, Location
from pipeline.graph.graph import Member, NodeSpec
from pipeline.node import Service, Sink
from pipeline.params import Duration, Params, seconds

FaultName = Literal[
    "latency",
    "hang",
    "stall",
    "no_output",
    "empty",
    "error",
    "too_many",
    "crash",
    "slow_load",
    "load_error",
    "redis_away",
    "clock_jump",
]
FAULTS: tuple[FaultName, ...] = get_args(FaultName)

COMMON_FAULTS: frozenset[FaultName] = frozenset({"error", "slow_load", "load_error", "clock_jump"})
"""Faults of every node."""
OUTPUT_FAULTS: frozenset[FaultName] = frozenset({"no_output", "empty"})
"""Faults of every node with outputs."""
DELAY_FAULTS: frozenset[FaultName] = frozenset({"latency"})
"""Faults of nodes that may wait."""

TIMED_FAULTS: tuple[FaultName, ...] = ("latency", "slow_load", "too_many", "clock_jump")
"""Faults that take `latency`."""

CONTENT = ("samples", "text", "weights", "pose")
"""The fields of packets and events that carry content."""


class FaultSpec(Params):
    """One fault."""

    model_config = ConfigDict(populate_by_name=True)

    node: str
    """The node's name in the graph."""
    fault: FaultName
    """The kind of fault."""
    begin: Duration = Field(0, ge=0, alias="from")
    """When it starts, on the session's clock."""
    until: Duration | None = Field(None, gt=0)
    """When it ends; if omitted, never."""
    member: int = Field(0, ge=0)
    """The affected member of the node: 0 is the primary, 1 the first fallback."""
    latency: Duration = Field(seconds(3), gt=0)
    """The delay of each packet (`latency`) or of opening (`slow_load`), the retry-after time of the
    remote party (`too_many`), or how far the clock jumps (`clock_jump`)."""
    category: Category = "unknown"
    """The category of the error; only for `error`."""
    chance: float = Field(1.0, gt=0, le=1)
    """Probability that a packet is affected, above 0 to 1."""

    @model_validator(mode="after")
    def _fits(self) -> FaultSpec:
        if self.until is not None and self.until <= self.begin:
            raise ValueError("`until` must be later than `from`")
        if self.fault == "redis_away" and (self.begin or self.until is not None):
            raise ValueError("`redis_away` lasts for the whole session: omit `from` and `until`")
        if "category" in self.model_fields_set and self.fault != "error":
            raise ValueError("`category` is only for `error`")
        if "latency" in self.model_fields_set and self.fault not in TIMED_FAULTS:
            raise ValueError(f"`latency` is only for {', '.join(f'`{fault}`' for fault in TIMED_FAULTS)}")
        return self

    def covers(self, at: int) -> bool:
        """Whether the fault is active at a time on the session's clock, nanoseconds."""
        return self.begin <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Chaos:
    """All faults of a session."""

    faults: tuple[FaultSpec, ...]
    seed: int = 0
    """Random seed; the same seed affects the same packets."""
    places: tuple[Location, ...] = ()
    """The position of each fault in its file, if there is one."""


NO_FAULTS = Chaos(())
"""Chaos without faults."""


def why_not_applicable(fault: FaultName, node: NodeSpec, member: Member) -> str:
    """Why a fault does not apply to a member; empty if it does."""
    kind = member.node
    if fault == "redis_away":
        return "" if _shares(node) else f"`{node.name}` has neither a limit nor a cache shared through Redis"
    if fault == "empty" and not has_content(member):
        return f"`{member.use}` has no output with content"
    faults = frozenset(FAULTS)
    if issubclass(kind, Sink):
        faults = COMMON_FAULTS | DELAY_FAULTS
    elif not issubclass(kind, Service):
        faults = COMMON_FAULTS | OUTPUT_FAULTS
    return "" if fault in faults else f"`{member.use}` is not a service"


def has_content(member: Member) -> bool:
    """Whether any output of a member has a content field."""
    kinds = [kind for port in member.node.outputs.values() for kind in port.kinds]
    return any(field.name in CONTENT for kind in kinds for field in msgspec.structs.fields(kind))


def _shares(node: NodeSpec) -> bool:
    return bool((node.limit and node.limit.shared) or (node.cache and node.cache.shared))
