"""One timer for all calls of a process.

20 ms are divided into 10 slots and each call is put into one, so that no call needs a task.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Protocol

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND

SLOT = 2 * MILLISECOND
SLOTS = 10
MAX_CATCH_UP = 100
"""Slots that are made up for after the loop was blocked, 200 ms; what is older is skipped."""


class TickListener(Protocol):
    """Is called every 20 ms and must return quickly. One that raises is removed."""

    def tick(self, index: int) -> None:
        """`index` counts slots since the clock's start."""


class Ticker:
    """Calls each of its members every 20 ms, a few in each slot."""

    _of: ClassVar[dict[asyncio.AbstractEventLoop, Ticker]] = {}
    """Those that have members."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self._loop = loop
        self._clock = clock or Clock(loop)
        self._slots: tuple[list[TickListener], ...] = tuple([] for _ in range(SLOTS))
        self._slot_of: dict[TickListener, int] = {}
        self._next = 0
        """The index of the next slot."""
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def here(cls) -> Ticker:
        """The ticker of the running loop; a new one if it has none with members."""
        loop = asyncio.get_running_loop()
        return cls._of.get(loop) or cls(loop)

    def __len__(self) -> int:
        return len(self._slot_of)

    def now(self) -> int:
        """Nanoseconds on the ticker's clock; slot `index` begins at `index * SLOT`."""
        return self._clock.now()

    def join(self, member: TickListener) -> None:
        """Adds a member, to the slot with the fewest."""
        if not self._slot_of:
            self._next = self._index() + 1  # without members no slots were counted
        self._put(member, min(range(SLOTS), key=lambda slot: len(self._slots[slot])))

    def leave(self, member: TickListener) -> None:
        """Removes a member; does nothing if it is none."""
        slot = self._slot_of.pop(member, None)
        if slot is not None:
            self._slots[slot].remove(member)
        if not self._slot_of:
            self._of.pop(self._loop, None)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def hurry(self, member: TickListener) -> None:
        """Moves a member to the next slot, so that it is called within 2 ms."""
        if member in self._slot_of:
            self.leave(member)
            self._next = max(self._next, self._index() + 1) if not self._slot_of else self._next
            self._put(member, self._next % SLOTS)

    def _put(self, member: TickListener, slot: int) -> None:
        self._of[self._loop] = self
        self._slots[slot].append(member)
        self._slot_of[member] = slot
        self._schedule()

    def _index(self) -> int:
        return self._clock.now() // SLOT

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for index in range(self._next, self._next + SLOTS):
            if self._slots[index % SLOTS]:
                # A timer of uvloop counts whole milliseconds and may fire early: a shorter delay would spin.
                delay = max(MILLISECOND, index * SLOT - self._clock.now())
                self._timer = self._loop.call_later(delay / SECOND, self._wake)
                return

    def _wake(self) -> None:
        self._timer = None
        running: TickListener | None = None
        try:
            now = self._index()
            self._next = max(self._next, now - MAX_CATCH_UP)
            while self._next <= now:
                index = self._next
                self._next += 1
                for member in tuple(self._slots[index % SLOTS]):
                    running = member
                    member.tick(index)
            running = None
        finally:
            if running is not None:
                self.leave(running)  # it raised, which the loop reports; the others continue
            if self._slot_of:
                self._schedule()
