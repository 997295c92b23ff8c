"""The deadlines of an attempt whose answer is a stream of outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pipeline.clock import Clock
from pipeline.errors import Category, NodeError
from pipeline.packet import SECOND
from pipeline.params import show_duration
from pipeline.policies.spec import DeadlineSpec

Which = Literal["first", "stall", "total"]

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Overrun:
    """A deadline that was missed."""

    which: Which
    """`first`: until the first output; `stall`: between outputs; `total`: of the whole attempt."""
    limit: int
    """Nanoseconds that it allows."""
    after: int
    """Nanoseconds since the attempt began, not counting those in which it was held."""
    outputs: int
    """How many outputs there were by then."""


class DeadlineExceeded(NodeError):
    """An attempt took too long; names the deadline that it missed."""

    category: Category = "resource"

    def __init__(self, overrun: Overrun, *, node: str = "") -> None:
        which, limit = overrun.which, show_duration(overrun.limit)
        what = {"first": "no output", "stall": "no further output", "total": "not done"}[which]
        message = f"{what} within {limit} (deadline `{which}`); outputs so far: {overrun.outputs}"
        hint = f"if it is only slow, allow it more: `deadline: {{{which}: ...}}`; a faster `fallback` would help"
        super().__init__(message, node=node, hint=hint)
        self.overrun = overrun


class Watch:
    """Watches the deadlines of one try at a time.

    The timer is set for the earliest moment at which any deadline could be missed, and set
    again if that was too early: an output stores its time, and touches no timer.
    """

    def __init__(self, spec: DeadlineSpec, loop: asyncio.AbstractEventLoop) -> None:
        self._first, self._stall, self._total = (each or _NEVER for each in (spec.first, spec.stall, spec.total))
        self._loop = loop
        self._overrun: Callable[[Overrun], None]
        self._clock = Clock(loop)
        self._now = self._clock.now
        self._timer: asyncio.TimerHandle | None = None
        self.first = 0
        """Nanoseconds from the beginning of the try to its first output, without those in which it was held."""
        self._began = self._last = self._outputs = 0
        self._held: int | None = None

    def begin(self, overrun: Callable[[Overrun], None]) -> None:
        """Begins to watch a try, and no longer an earlier one; `overrun` is called once if a deadline is missed."""
        self.end()
        self._overrun = overrun
        self._began = now = self._now()
        self._outputs = self.first = 0
        self._arm(now)

    def hold(self) -> None:
        """An output waits for room below: until `output`, no time counts."""
        if self._timer is not None and self._held is None:
            self._held = self._now()

    def output(self) -> None:
        """An output was delivered."""
        self._last = now = self._now()
        if not self._outputs:
            self.first = max(1, (self._held or now) - self._began)
        self._outputs += 1
        if self._held is not None:
            self._began += now - self._held
            self._held = None
            if self._timer is None:  # it fired meanwhile
                self._arm(now)

    def end(self) -> None:
        """The attempt has ended; `overrun` is not called after this."""
        self._held = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now: int) -> None:
        due = self._next()[0]
        if not self._outputs:  # the first output may come at once, and then the next one be due
            due = min(due, now + self._stall)
        if due < _NEVER:
            self._timer = self._loop.call_later(max(due - now, self._clock.resolution) / SECOND, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._held is not None:
            return  # `output` goes on
        now, (due, which, limit) = self._now(), self._next()
        if now < due:
            self._arm(now)
        else:
            self._overrun(Overrun(which, limit, now - self._began, self._outputs))

    def _next(self) -> tuple[int, Which, int]:
        """The earliest deadline: when it is, which one, and the nanoseconds that it allows."""
        until = self._began + self._total
        step = self._last + self._stall if self._outputs else self._began + self._first
        if until < step:
            return until, "total", self._total
        return (step, "stall", self._stall) if self._outputs else (step, "first", self._first)
