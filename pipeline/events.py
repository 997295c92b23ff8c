"""The events that the engine posts on the bus."""

from __future__ import annotations

from typing import Literal

from pipeline.cause import Cause
from pipeline.errors import Category
from pipeline.packet import Event

FailureReason = Literal["fault", "limit", "opening"]


class NodeFailed(Event, frozen=True):
    """A node raised, overran its time, or could not be loaded."""

    pts: int
    node: str
    member: str
    """Which member of the node it was, as in `use`."""
    category: Category
    message: str
    hint: str
    answered_by: str = ""
    """The fallback that takes the work over; empty: nobody does, and the person notices."""
    rung: int = 0
    """The place of that fallback in the chain, from 1; 0 if there is none."""
    reason: FailureReason = "fault"
    """Whether the member has a fault, or is well: its limit, its pool or the cores had no room, or it is opening."""
    trace: tuple[str, ...] = ()
    """Where it was raised, the outermost call first: for developers."""


class NodeRetries(Event, frozen=True):
    """A member failed, and tries again after `pause` nanoseconds; the person waits that much longer."""

    pts: int
    node: str
    member: str
    category: Category
    message: str
    pause: int


class NodeRecovered(Event, frozen=True):
    """A node's primary does its work again, after another member had."""

    pts: int
    node: str
    member: str


class Flushed(Event, frozen=True):
    """A flush has ended: everything downstream of its origin is quiet, but for `late`."""

    pts: int
    origin: str
    cause: Cause
    took: int
    """Nanoseconds from start to stop."""
    late: tuple[str, ...] = ()


class Abandoned(Event, frozen=True):
    """A service did not stop when it was cancelled; the node goes on with a fresh instance."""

    pts: int
    node: str
    where: tuple[str, ...]
    """Its await chain."""


class BudgetExceeded(Event, frozen=True):
    """A turn took longer than the graph's `budget` for it; at most once for each turn and name."""

    pts: int
    cause: Cause
    """The turn."""
    name: str
    """What has the budget: `voice_to_voice`."""
    budget: int
    """Nanoseconds."""
    took: int
    """Nanoseconds."""
    part: str = ""
    """The part of the waterfall that took longest."""
