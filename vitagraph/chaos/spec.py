"""What a chaos file may say of one fault, and which nodes can have it."""

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

ANYWHERE: frozenset[FaultName] = frozenset({"error", "slow_load", "load_error", "clock_jump"})
GIVERS: frozenset[FaultName] = frozenset({"no_output", "empty"})
"""Of whatever gives packets."""
WAITERS: frozenset[FaultName] = frozenset({"latency"})
"""Of whatever may wait."""

TIMED: tuple[FaultName, ...] = ("latency", "slow_load", "too_many", "clock_jump")
"""Those that say how long."""

CONTENT = ("samples", "text", "weights", "pose")
"""The fields of packets and events in which their content is."""


class FaultSpec(Params):
    """One thing that goes wrong."""

    model_config = ConfigDict(populate_by_name=True)

    node: str
    """The node's name in the graph."""
    fault: FaultName
    """What goes wrong."""
    begin: Duration = Field(0, ge=0, alias="from")
    """When it begins, on the session's clock."""
    until: Duration | None = Field(None, gt=0)
    """When it is over; left out: never."""
    member: int = Field(0, ge=0)
    """Which member of the node: 0 is the primary, 1 its first fallback."""
    latency: Duration = Field(seconds(3), gt=0)
    """How much later each packet is done (`latency`) or the member is open (`slow_load`), after how
    long the remote party wants to be asked again (`too_many`), how far the clock leaps (`clock_jump`)."""
    category: Category = "unknown"
    """What kind of error it is; of `error` only."""
    chance: float = Field(1.0, gt=0, le=1)
    """The share of the packets that it hits."""

    @model_validator(mode="after")
    def _fits(self) -> FaultSpec:
        if self.until is not None and self.until <= self.begin:
            raise ValueError("`until` must be later than `from`")
        if self.fault == "redis_away" and (self.begin or self.until is not None):
            raise ValueError("`redis_away` lasts for the whole session: leave `from` and `until` out")
        if "category" in self.model_fields_set and self.fault != "error":
            raise ValueError("`category` is of `error` only")
        if "latency" in self.model_fields_set and self.fault not in TIMED:
            raise ValueError(f"`latency` is of {', '.join(f'`{fault}`' for fault in TIMED)} only")
        return self

    def covers(self, at: int) -> bool:
        """Whether it may strike at this time of the session's clock, nanoseconds."""
        return self.begin <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Chaos:
    """Everything that is to go wrong in a session."""

    faults: tuple[FaultSpec, ...]
    seed: int = 0
    """Where chance begins: with the same seed the same packets are hit."""
    places: tuple[Location, ...] = ()
    """Where each fault is written, if they come from a file."""


NO_FAULTS = Chaos(())
"""Nothing goes wrong."""


def cannot(fault: FaultName, node: NodeSpec, member: Member) -> str:
    """Why this member can have no such fault; empty where it can."""
    kind = member.node
    if fault == "redis_away":
        return "" if _shares(node) else f"`{node.name}` shares neither a limit nor a cache by Redis"
    if fault == "empty" and not has_content(member):
        return f"`{member.use}` gives nothing that could be empty"
    faults = frozenset(FAULTS)
    if issubclass(kind, Sink):
        faults = ANYWHERE | WAITERS
    elif not issubclass(kind, Service):
        faults = ANYWHERE | GIVERS
    return "" if fault in faults else f"`{member.use}` is no service"


def has_content(member: Member) -> bool:
    """Whether any of its outputs has a field that can be emptied."""
    kinds = [kind for port in member.node.outputs.values() for kind in port.kinds]
    return any(field.name in CONTENT for kind in kinds for field in msgspec.structs.fields(kind))


def _shares(node: NodeSpec) -> bool:
    return bool((node.limit and node.limit.shared) or (node.cache and node.cache.shared))
