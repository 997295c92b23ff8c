"""Packets travel downstream, events upstream and to the bus. Both are immutable.

Kinds of packet that mean something (audio, text, a face) belong to `nodes.packets`; the
engine knows only what every packet has: a stamp.
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
    """The bounds of a queued link, whichever is reached first, and what it does then."""

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
    """The bounds of a link that carries this kind, unless the YAML says otherwise."""
    droppable: ClassVar[bool] = False
    """Whether a full queue may drop it."""
    survives_flush: ClassVar[bool] = False
    """Whether it outlives the flush of its cause, once that had been committed: the words
    that a person really said. What was only a guess survives nothing."""

    @property
    def final(self) -> bool:
        """Whether nothing newer may replace it in a queue that keeps the latest."""
        return False

    @property
    def is_stale(self) -> bool:
        """The fence: whether it must not leave any node any more."""
        cause = self.at.cause
        return not (cause.live or (self.survives_flush and cause.committed))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.at!r}>"


class Event(msgspec.Struct, frozen=True, eq=False):
    """Small news: upstream along the links, or to whoever subscribes to the bus."""

    def copy(self, **changes: object) -> Self:
        """The same event with some fields changed."""
        return msgspec.structs.replace(self, **changes)
