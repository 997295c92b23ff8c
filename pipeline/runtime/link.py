"""A queued link: a bounded queue between producers and one consumer.

It is bounded by media time and by count, whichever is reached first. A full link blocks its
producer, drops the oldest or the newest droppable packet, or replaces the waiting packet of the
same kind and cause. Undroppable packets are accepted over the bound and counted; there are few of
them. No packet travels through a Future: a waiter is woken and then takes, so that a cancellation
never loses a packet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.packet import MILLISECOND, Packet, Queue


@dataclass(frozen=True, slots=True)
class LinkStatistics:
    """The state of a link and its counters; metrics, tests and tools all read this."""

    name: str
    depth: int
    """Packets that wait."""
    peak: int
    """The most that ever waited."""
    level: int
    """Nanoseconds of media that wait."""
    age: int
    """Nanoseconds since the link was last empty: the oldest has waited at most that long."""
    passed: int
    dropped: int
    """Packets lost because the link was full."""
    stale: int
    """Packets dropped because their cause was revoked."""
    blocked: int
    """Producers that wait for room."""
    over: int
    """Undroppable packets accepted over the bound."""


class Link:
    """The queue of one link; `now` is the session's clock, for the age of waiting packets."""

    __slots__ = (
        "_blocked", "_last", "_now", "_since", "_time", "dropped", "full", "getter", "items", "level", "name", "over",
        "passed", "peak", "queue", "stale",
    )  # fmt: skip

    blocks = True
    """Whether its producers wait for room."""

    def __init__(self, name: str, queue: Queue, now: Callable[[], int] = lambda: 0) -> None:
        self.name = name
        self.queue = queue
        self.items: deque[Packet] = deque()
        self.level = 0
        self.peak = 0
        self.passed = 0
        self.dropped = 0
        self.stale = 0
        self.over = 0
        self.full = False
        """Whether producers must wait; an empty link takes a packet of any size."""
        self.getter: asyncio.Future[None] | None = None
        """The consumer's sleep, ended when a packet comes to the empty link."""
        self._last = queue.count - 1
        self._time = queue.time
        self._now = now
        self._since = 0
        self._blocked: list[asyncio.Future[None]] = []

    async def wait_room(self) -> None:
        """Returns when there was room; check again, since other producers were woken too."""
        while self.full:
            # A Future each: a shared one would die with the first cancelled waiter.
            waiter = asyncio.get_running_loop().create_future()
            self._blocked.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._blocked:
                    self._blocked.remove(waiter)

    def push(self, packet: Packet) -> None:
        """Accepts a packet; never waits. Where the link blocks, producers wait for room before."""
        at = packet.at
        if not at.cause.live and packet.is_stale:
            self.stale += 1
            return
        items = self.items
        depth = len(items)
        if depth:
            level = self.level + at.duration
            if depth < self._last and level < self._time:
                items.append(packet)
                self.level = level
                if depth >= self.peak:
                    self.peak = depth + 1
            else:
                self._push_last(packet)
            return
        items.append(packet)
        self.level = at.duration
        self.full = self._last <= 0 or at.duration >= self._time
        self._since = self._now()
        getter = self.getter
        if getter is not None:
            self.getter = None
            if not getter.done():
                getter.set_result(None)

    def _push_last(self, packet: Packet) -> None:
        """Accepts the packet that fills the link, or applies the policy of a full one."""
        over = len(self.items) > self._last or self.level + packet.at.duration > self._time
        if over and not self.make_room(packet):
            return
        self.items.append(packet)
        self.level += packet.at.duration
        self.peak = max(self.peak, len(self.items))
        self.full = len(self.items) > self._last or self.level >= self._time

    def make_room(self, packet: Packet) -> bool:
        """Applies the policy of a full link; whether the packet is to be accepted. This one accepts it."""
        self.over += 1
        return True

    def take(self) -> Packet | None:
        """The oldest packet, or None; never waits."""
        items = self.items
        if not items:
            return None
        packet = items.popleft()
        self.level -= packet.at.duration
        self.passed += 1
        if self.full:
            self._drained()
        return packet

    def flush(self) -> None:
        """Drops packets of revoked causes and wakes the producers that wait."""
        kept = [packet for packet in self.items if not packet.is_stale]
        self.stale += len(self.items) - len(kept)
        self.items.clear()
        self.items.extend(kept)
        self.level = sum(packet.at.duration for packet in kept)
        self._drained()

    def _drained(self) -> None:
        items = self.items
        self.full = bool(items) and (len(items) > self._last or self.level >= self._time)
        if self.full:
            return
        # All of them: a single woken producer may go on to wait for another link, and the
        # wake-up that another producer needed would be lost.
        blocked, self._blocked = self._blocked, []
        for waiter in blocked:
            if not waiter.done():
                waiter.set_result(None)

    def _remove(self, index: int) -> None:
        packet = self.items[index]
        del self.items[index]
        self.level -= packet.at.duration
        self.dropped += 1

    def statistics(self) -> LinkStatistics:
        """A frozen record of the link as it is now."""
        return LinkStatistics(
            name=self.name,
            depth=len(self.items),
            peak=max(self.peak, min(1, self.passed + len(self.items))),
            level=self.level,
            age=self._now() - self._since if self.items else 0,
            passed=self.passed,
            dropped=self.dropped,
            stale=self.stale,
            blocked=len(self._blocked),
            over=self.over,
        )

    def __repr__(self) -> str:
        return (
            f"<Link {self.name} {len(self.items)}/{self.queue.count} {self.level // MILLISECOND}ms "
            f"{self.queue.full} dropped={self.dropped}>"
        )


class DropOldest(Link):
    """When full, the oldest droppable packets make room."""

    __slots__ = ()
    blocks = False

    def make_room(self, packet: Packet) -> bool:
        duration = packet.at.duration
        index = 0
        while index < len(self.items) and (len(self.items) > self._last or self.level + duration > self._time):
            if self.items[index].droppable:
                self._remove(index)
            else:
                index += 1
        if len(self.items) > self._last:
            self.over += 1
        return True


class DropNewest(Link):
    """When full, the new packet is dropped if it may be."""

    __slots__ = ()
    blocks = False

    def make_room(self, packet: Packet) -> bool:
        if packet.droppable:
            self.dropped += 1
            return False
        self.over += 1
        return True


class Latest(Link):
    """A packet replaces the waiting one of the same kind and cause, unless that is final."""

    __slots__ = ()
    blocks = False

    def push(self, packet: Packet) -> None:
        for index, waiting in enumerate(self.items):
            if waiting.__class__ is packet.__class__ and waiting.at.cause is packet.at.cause and not waiting.final:
                self._remove(index)
                break
        # At most one packet a kind and live cause waits here.
        Link.push(self, packet)


_POLICIES: dict[str, type[Link]] = {
    "block": Link,
    "drop_oldest": DropOldest,
    "drop_newest": DropNewest,
    "latest": Latest,
}


def make_link(name: str, queue: Queue, now: Callable[[], int] = lambda: 0) -> Link:
    """A link with the policy that `queue.full` names."""
    return _POLICIES[queue.full](name, queue, now)
