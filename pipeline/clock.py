"""One clock a session: integer nanoseconds since the session began.

The only module that reads the system's time or sleeps; nodes use `self.clock`. On a live
loop it reads the monotonic clock, on a loop with virtual time that loop's own.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

from pipeline.packet import MILLISECOND, SECOND


@runtime_checkable
class VirtualTime(Protocol):
    """An event loop that keeps its own time, such as `runtime/virtual.py`'s."""

    def time(self) -> float:
        """Virtual seconds."""

    def hold(self) -> AbstractContextManager[None]:
        """Stops that time while something real is awaited."""


@types.coroutine
def give_way() -> Generator[None, None, None]:
    """Lets whatever else is ready run first."""
    yield


class Clock:
    """Nanoseconds since the session began."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._virtual = loop if isinstance(loop, VirtualTime) else None
        # uvloop's timers count whole milliseconds and may fire 1.3 ms early: a shorter one would spin.
        self.resolution = 0 if self._virtual is not None else MILLISECOND
        """The shortest timer that is worth setting, in nanoseconds."""
        self._origin = self._read()

    def _read(self) -> int:
        if self._virtual is not None:
            return round(self._virtual.time() * SECOND)
        return time.monotonic_ns()

    def restart(self) -> None:
        """The session begins now: what opening its nodes took does not count."""
        self._origin = self._read()

    def leap(self, by: int) -> None:
        """Shows so many nanoseconds more from now on, as after a machine has slept; who sleeps here is not woken."""
        self._origin -= by

    def now(self) -> int:
        """Nanoseconds since the session began."""
        return self._read() - self._origin

    async def sleep(self, duration: int) -> None:
        """Sleeps for so many nanoseconds of this clock."""
        await self.sleep_until(self.now() + duration)

    async def sleep_until(self, due: int) -> None:
        """Sleeps until the clock shows `due`; returns at once if it is past."""
        # A uvloop timer may fire 1.3 ms early, so look again.
        while (left := due - self.now()) > 0:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(max(left, self.resolution) / SECOND)

    def hold(self) -> AbstractContextManager[None]:
        """Stops virtual time while something real is awaited: a socket, a subprocess.

        With measured latency it runs at its real pace instead.
        """
        return self._virtual.hold() if self._virtual is not None else nullcontext()
