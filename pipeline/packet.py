"""Packets travel downstream, events upstream and to the bus. Both are immutable.

The kinds of packet with a meaning (audio, text, a face) are in `nodes.packets`; the engine
knows only what every packet has: a stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import msgspec

from pipeline.cause import Cause

Full = Literal["block", "drop_oldest", "drop_newest", "latest"]
"""What a full queue does with one more packet."""

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Queue:
    """The bounds of a queued link, and what it does when the first of them is reached."""

    time: int = SECOND
    """Nanoseconds of media that may wait."""
    count: int = 64
    """Packets that may wait."""
    full: Full = "block"


class Stamp(msgspec.Struct, frozen=True, eq=False):
    """When a packet's content happens, for how long, and why."""

    pts: int
    """Nanoseconds on the session's clock."""
    duration: int
    """Nanoseconds; 0 for a moment."""
    cause: Cause

    def later(self, offset: int, duration: int) -> Stamp:
        """The same cause, `offset` nanoseconds later."""
        return Stamp(self.pts + offset, duration, self.cause)

    def __repr__(self) -> str:
        return f"{self.pts / SECOND:.3f}s+{self.duration / MILLISECOND:.0f}ms #{self.cause.id}"


class Packet(msgspec.Struct, frozen=True, eq=False):
    """What travels along a link. Subclasses add the payload as fields."""

    at: Stamp

    queue: ClassVar[Queue] = Queue()
    """The default bounds of a link that carries this kind; the graph may set others."""
    droppable: ClassVar[bool] = False
    """Whether a full queue may drop it."""
    survives_flush: ClassVar[bool] = False
    """Whether it outlives the flush of a cause that was committed, as the words of a person do.
    A packet of a cause that was never committed does not survive."""

    @property
    def final(self) -> bool:
        """Whether a queue that keeps the latest must not replace it by a newer packet."""
        return False

    @property
    def is_stale(self) -> bool:
        """Whether it must not leave any node any more (the fence)."""
        cause = self.at.cause
        return not (cause.live or (self.survives_flush and cause.committed))

    def check(self) -> None:
        """Raises ValueError for values that no node gives; called for packets that come from outside the process."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.at!r}>"


class Event(msgspec.Struct, frozen=True, eq=False):
    """A small message that travels upstream along the links, or goes to the subscribers of the bus."""

    def copy(self, **changes: object) -> Self:
        """The same event with some fields changed."""
        return msgspec.structs.replace(self, **changes)
