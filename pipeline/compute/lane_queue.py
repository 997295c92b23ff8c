"""The order in which jobs start.

A `LaneQueue` has three lanes; in a lane sessions take turns, and of a session's jobs the one with the
earliest deadline goes first. In a `QueueGroup` the queue with the most urgent job goes first, and
queues of one lane take turns.

No lane starves, in a queue and in a group: of any eight jobs that start while the low lane waits, one
is of the low lane; of any five that start while the normal lane waits, one is of the normal lane.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import OrderedDict
from collections.abc import Container, Hashable, Iterator, Sized
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipeline.compute.job_context import LANES, JobContext, Lane

_MAX_PASSED: tuple[tuple[Lane, int], ...] = (("low", 7), ("normal", 3))
"""How many jobs may start before one of this lane; the first lane that has reached its number is next."""


@dataclass(slots=True, eq=False)
class Waiter:
    """What waits in a queue."""

    context: JobContext
    queue: LaneQueue[Any]
    slots: int = 1
    """Cores that must be free for it to start."""
    order: tuple[float, int] = field(init=False, default=(0.0, 0))
    """Its place among those of its session: by deadline, then by arrival."""
    queued: bool = field(init=False, default=False)

    def __lt__(self, other: Waiter) -> bool:
        return self.order < other.order


W = TypeVar("W", bound=Waiter)


class LaneTurns:
    """Decides which lane is next."""

    def __init__(self) -> None:
        self._passed: dict[Lane, int] = dict.fromkeys(LANES, 0)

    def choose(self, waiting: Container[Lane]) -> Lane:
        """The next one of the lanes that wait, of which there must be one."""
        for lane, limit in _MAX_PASSED:
            if lane in waiting and self._passed[lane] >= limit:
                return lane
        return next(lane for lane in LANES if lane in waiting)

    def took(self, lane: Lane, waiting: Container[Lane]) -> None:
        """Counts a start in one lane while jobs waited in these lanes."""
        for other in LANES:
            self._passed[other] = self._passed[other] + 1 if other != lane and other in waiting else 0


class LaneQueue(Generic[W]):
    """The jobs that wait for the same thing besides cores, such as an instance of a pool."""

    def __init__(self, free: Sized | None = None) -> None:
        """`free`: what of that thing is free now; None: they wait for cores only."""
        self.opened = 0.0
        """Since when it is open, in seconds on the event loop's clock."""
        self._free = free
        self._lanes: dict[Lane, OrderedDict[Hashable, list[W]]] = {}
        """By lane and session, without empty ones; the session that is next comes first."""
        self._turns = LaneTurns()
        self._pushed = self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def __iter__(self) -> Iterator[W]:
        return (waiter for sessions in self._lanes.values() for waiting in sessions.values() for waiter in waiting)

    @property
    def is_open(self) -> bool:
        """Whether the next one waits for nothing but cores."""
        return self._free is None or len(self._free) > 0

    @property
    def lane(self) -> Lane:
        """The most urgent lane in which something waits, of which there must be one."""
        return next(lane for lane in LANES if lane in self._lanes)

    def push(self, waiter: W) -> None:
        """Lets it wait."""
        self._pushed += 1
        self._waiting += 1
        context = waiter.context
        waiter.order = (math.inf if context.deadline is None else context.deadline, self._pushed)
        waiter.queued = True
        insort(self._lanes.setdefault(context.lane, OrderedDict()).setdefault(context.session, []), waiter)

    def next(self) -> W | None:
        """The next one, if there is one; it stays until it is taken or removed."""
        if not self._lanes:
            return None
        return next(iter(self._lanes[self._turns.choose(self._lanes)].values()))[0]

    def remove(self, waiter: W, *, served: bool) -> None:
        """Removes one; the session of one that is served is now the last of its lane."""
        lane, session = waiter.context.lane, waiter.context.session
        if served:
            self._turns.took(lane, self._lanes)
            self._lanes[lane].move_to_end(session)
        waiting = self._lanes[lane][session]
        waiting.remove(waiter)
        waiter.queued = False
        self._waiting -= 1
        if not waiting:
            del self._lanes[lane][session]
        if not self._lanes[lane]:
            del self._lanes[lane]


class QueueGroup(Generic[W]):
    """All queues in which something waits for cores, or for what its queue waits for."""

    def __init__(self) -> None:
        self._queues: OrderedDict[LaneQueue[W], None] = OrderedDict()
        """Without empty ones; the queue that is next comes first."""
        self._turns = LaneTurns()

    def __len__(self) -> int:
        return sum(map(len, self._queues))

    @property
    def open(self) -> list[LaneQueue[W]]:
        """The queues in which something waits for cores only."""
        return [queue for queue in self._queues if queue.is_open]

    def push(self, waiter: W) -> None:
        """Lets it wait in its queue."""
        waiter.queue.push(waiter)
        self._queues.setdefault(waiter.queue)

    def next(self) -> W | None:
        """The next one of all open queues; one that needs no core comes first."""
        heads: dict[Lane, W] = {}
        for queue in self._queues:
            if queue.is_open and (waiter := queue.next()) is not None:
                if not waiter.slots:
                    return waiter
                heads.setdefault(queue.lane, waiter)
        return heads[self._turns.choose(heads)] if heads else None

    def take(self, waiter: W) -> None:
        """Removes one that starts: its queue is now the last of those with equally urgent jobs."""
        self._turns.took(waiter.queue.lane, {each.lane for each in self.open})
        self._queues.move_to_end(waiter.queue)
        self.remove(waiter, served=True)

    def remove(self, waiter: W, *, served: bool = False) -> None:
        """Removes one that does not start; `served` when its work is done along with that of another one."""
        waiter.queue.remove(waiter, served=served)
        if not waiter.queue:
            del self._queues[waiter.queue]
