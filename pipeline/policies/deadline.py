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
    """`first`: until the first output; `stall`: since the last one; `total`: in all."""
    limit: int
    """Nanoseconds that it allowed."""
    after: int
    """Nanoseconds since the attempt began, without those in which it was held."""
    outputs: int
    """How many had come."""


class DeadlineExceeded(NodeError):
    """An attempt took too long; says which deadline it missed, and what had been output."""

    category: Category = "resource"

    def __init__(self, overrun: Overrun, *, node: str = "") -> None:
        which, limit = overrun.which, show_duration(overrun.limit)
        what = {"first": "no output", "stall": "no further output", "total": "not done"}[which]
        message = f"{what} within {limit} (deadline `{which}`); outputs so far: {overrun.outputs}"
        hint = f"if it is only slow, allow it more: `deadline: {{{which}: ...}}`; a faster `fallback` would help"
        super().__init__(message, node=node, hint=hint)
        self.overrun = overrun


class Watch:
    """Watches the deadlines of one attempt at a time, and calls `overrun` once if one is missed.

    The timer is set for the earliest moment at which any deadline could be missed, and
    set again if it was early: an output only leaves its time, and touches no timer.
    """

    def __init__(self, spec: DeadlineSpec, loop: asyncio.AbstractEventLoop, overrun: Callable[[Overrun], None]) -> None:
        self._first, self._stall, self._total = (each or _NEVER for each in (spec.first, spec.stall, spec.total))
        self._loop, self._overrun = loop, overrun
        self._clock = Clock(loop)
        self._now = self._clock.now
        self._timer: asyncio.TimerHandle | None = None
        self._began = self._last = self._outputs = 0
        self._held: int | None = None

    def begin(self) -> None:
        """The attempt begins; one that was watched before is no longer."""
        self.end()
        self._began = now = self._now()
        self._outputs = 0
        self._arm(now)

    def hold(self) -> None:
        """An output is made, but there is no room for it: until `output`, no time counts."""
        if self._timer is not None and self._held is None:
            self._held = self._now()

    def output(self) -> None:
        """An output has come."""
        self._last = now = self._now()
        self._outputs += 1
        if self._held is not None:
            self._began += now - self._held
            self._held = None
            if self._timer is None:  # it fired meanwhile
                self._arm(now)

    def end(self) -> None:
        """The attempt has ended, in whatever way; nothing is called after this."""
        self._held = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now: int) -> None:
        due = self._next()[0]
        if not self._outputs:  # the first one may come at once, and a stall begin
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
        """The deadline that comes first: when, which, and what it allows."""
        until = self._began + self._total
        step = self._last + self._stall if self._outputs else self._began + self._first
        if until < step:
            return until, "total", self._total
        return (step, "stall", self._stall) if self._outputs else (step, "first", self._first)
