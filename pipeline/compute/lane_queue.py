"""Who is next: three lanes, in each lane the sessions take turns, each session's earliest deadline first.

No lane starves: of any eight that go first while the low lane waits one is from it, and
while the normal lane waits it has one of five.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pipeline.compute.job_context import LANES, JobContext, Lane

_PATIENCE: tuple[tuple[Lane, int], ...] = (("low", 7), ("normal", 3))
"""How many may go before one of this lane; the first that has run out goes."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One that waits."""

    context: JobContext
    since: float
    """When it began to wait, in seconds on the event loop's clock."""
    order: tuple[float, int] = field(init=False, default=(0.0, 0))
    """Its place among those of its session: by deadline, then as they came."""
    queued: bool = field(init=False, default=False)
    """Whether it stands in line just now."""

    def __lt__(self, other: Waiter) -> bool:
        return self.order < other.order


W = TypeVar("W", bound=Waiter)


class LaneQueue(Generic[W]):
    """All that wait for the same thing."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, OrderedDict[Hashable, list[W]]] = {lane: OrderedDict() for lane in LANES}
        self._passed: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self._pushed = self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def __iter__(self) -> Iterator[W]:
        return (waiter for sessions in self._lanes.values() for line in sessions.values() for waiter in line)

    def count(self, lane: Lane) -> int:
        """How many wait in a lane."""
        return sum(map(len, self._lanes[lane].values()))

    def push(self, waiter: W) -> None:
        """Begins to wait."""
        self._pushed += 1
        self._waiting += 1
        deadline = waiter.context.deadline
        waiter.order = (math.inf if deadline is None else deadline, self._pushed)
        waiter.queued = True
        insort(self._lanes[waiter.context.lane].setdefault(waiter.context.session, []), waiter)

    def next(self) -> W | None:
        """Who goes next, if anybody waits; it stays in line until it is taken or removed."""
        if not self._waiting:
            return None
        for lane, patience in _PATIENCE:
            if self._passed[lane] >= patience:
                return self._first(lane)
        return self._first(next(lane for lane in LANES if self._lanes[lane]))

    def take(self, waiter: W) -> None:
        """It goes: its session is the last of its lane now."""
        for lane in LANES:
            if self._lanes[lane]:
                self._passed[lane] += 1
        self._passed[waiter.context.lane] = 0
        self.remove(waiter)
        sessions = self._lanes[waiter.context.lane]
        if waiter.context.session in sessions:
            sessions.move_to_end(waiter.context.session)

    def remove(self, waiter: W) -> None:
        """It does not wait any more, and nobody goes in its place."""
        lane, session = waiter.context.lane, waiter.context.session
        line = self._lanes[lane][session]
        line.remove(waiter)
        waiter.queued = False
        self._waiting -= 1
        if not line:
            del self._lanes[lane][session]
        if not self._lanes[lane]:
            self._passed[lane] = 0

    def _first(self, lane: Lane) -> W:
        return next(iter(self._lanes[lane].values()))[0]
