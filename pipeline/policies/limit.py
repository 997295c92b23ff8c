"""How much a node takes on: requests in work at the same time, and requests begun in a sliding window.

    await limit.acquire(session)
    try:
        ...
    finally:
        limit.release()

One Limit is one scope: of a process, or of a session. The span is a log of the admissions
in it, so it is exact to one request; a request counts when it is admitted. Waiting requests
are served session by session in turn. Not thread-safe: for the event loop only.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipeline.errors import ResourceError
from pipeline.packet import MILLISECOND, SECOND
from pipeline.params import show_duration
from pipeline.policies.spec import LimitSpec

T = TypeVar("T")
_Waiter = asyncio.Future[int | None]  # when it was admitted, or None: not in time

_FLOOR = 0.1  # the least factor of an adaptive limit
_STEP = 0.1  # smaller changes of the factor are not followed, but for the last one, to 1
_CLOSES, _OPENS = 0.9, 0.5  # the load at which an adaptive limit sends everything to the fallback, and takes it back
_AGAIN = 100 * MILLISECOND  # the least `retry_after` where it is not known when there will be room
WHEN_FREED = -1
"""In place of the time until there is room: a request in work has to end first."""
WAITING = 256
"""The most that may wait in one queue."""
WAITING_EACH = 32
"""The most of one session among them, so that no session can take every place."""


class LimitReached(ResourceError):
    """A limit has no room, and will have none within `max_wait`."""

    retryable = True


@dataclass(frozen=True, slots=True)
class LimitStatistics:
    """What a limit holds and has done. Asked = admitted + refused + timed_out + cancelled + waiting."""

    active: int
    """Permits in use."""
    waiting: int
    peak: int
    """The most permits that were ever in use."""
    factor: float
    """The share of its bounds, at least 1, that an adaptive limit now allows: above 0, at most 1."""
    admitted: int
    waited: int
    """Those admitted after a wait."""
    wait: int
    """Nanoseconds that those waited, in all."""
    longest: int
    """The longest wait that ended in a permit, in nanoseconds."""
    refused: int
    """Refused at once."""
    timed_out: int
    """Refused after a wait."""
    cancelled: int
    """Cancelled while they waited."""


class FairQueue(Generic[T]):
    """A queue for each session. Sessions take turns; within a session the first to come is the first served."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def full(self, session: Hashable) -> bool:
        """Whether this session can put in no more."""
        return self._size >= WAITING or len(self._sessions.get(session, ())) >= WAITING_EACH

    def add(self, session: Hashable, waiter: T) -> None:
        """Appends to the session's queue; a session that had none is served after all others."""
        self._sessions.setdefault(session, deque()).append(waiter)
        self._size += 1

    def pop(self) -> T:
        """Removes and returns the next waiter; raises IndexError where there is none."""
        if not self._sessions:
            raise IndexError("the queue is empty")
        session, waiters = self._sessions.popitem(last=False)
        waiter = waiters.popleft()
        if waiters:
            self._sessions[session] = waiters
        self._size -= 1
        return waiter

    def remove(self, session: Hashable, waiter: T) -> None:
        """Removes one, unless it has been removed already."""
        waiters = self._sessions.get(session)
        if waiters is None or waiter not in waiters:
            return
        waiters.remove(waiter)
        self._size -= 1
        if not waiters:
            del self._sessions[session]


class Limit:
    """Grants permits. `now` gives nanoseconds; `name` is the node's, for messages."""

    def __init__(self, spec: LimitSpec, now: Callable[[], int], name: str = "") -> None:
        self.spec = spec
        self.name = name
        self.factor = 1.0
        self._now = now
        self._concurrent = spec.concurrent or sys.maxsize  # in force, as `_max` is
        self._max = spec.max or 0
        self._closed = False
        self._active = 0
        self._log: deque[int] = deque()
        self._queue: FairQueue[_Waiter] = FairQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._peak = self._admitted = self._waited = self._wait = self._longest = 0
        self._refused = self._timed_out = self._cancelled = 0

    def statistics(self) -> LimitStatistics:
        """As they are now."""
        return LimitStatistics(
            self._active, len(self._queue), self._peak, self.factor, self._admitted, self._waited, self._wait,
            self._longest, self._refused, self._timed_out, self._cancelled,
        )  # fmt: skip

    async def acquire(self, session: Hashable = None) -> int:
        """Takes a permit and returns when that was; raises LimitReached.

        Without room it waits up to `max_wait` where the limit says `queue`, unless it is
        known that there will be none by then; else it raises at once.
        """
        if not self._queue and not self._left():
            return self._grant()
        return await self._queued(session)

    def try_acquire(self) -> bool:
        """Takes a permit where there is room and no request waits; saves the usual case a coroutine."""
        if self._queue or self._left():
            return False
        self._grant()
        return True

    def release(self) -> None:
        """Gives a permit back; once for each `acquire`, or `try_acquire` that was true."""
        self._active -= 1
        if self._queue:
            self._admit()

    def pressure(self, level: float) -> None:
        """Sets how loaded the machine is, 0 to 1: an adaptive limit allows 1 - `level` of its bounds, at least 0.1.

        Where there is a fallback it allows nothing from 0.9 on, until the load has fallen to 0.5.
        """
        if self.spec.gives_way:
            self._closed = level >= _CLOSES or (self._closed and level > _OPENS)
        factor = min(1.0, max(_FLOOR, 1 - level))
        if not self.spec.adaptive or (factor < 1 and abs(factor - self.factor) < _STEP):
            return
        self.factor = factor
        self._concurrent = _scaled(self.spec.concurrent, factor) or sys.maxsize
        self._max = _scaled(self.spec.max, factor)
        self._admit()

    def _left(self) -> int:
        """Nanoseconds until there is room: 0 if there is, `WHEN_FREED` if a request has to end first."""
        if self._active >= self._concurrent or self._closed:
            return WHEN_FREED
        if not self._max:
            return 0
        log, window = self._log, self.spec.window
        ended = self._now() - window
        while log and log[0] <= ended:
            log.popleft()
        over = len(log) - self._max
        if over < 0:
            return 0
        if (left := log[over] - ended) <= window:
            return left
        log.clear()  # They lie in the future: the clock was set back, as when a session begins.
        return 0

    def _grant(self) -> int:
        at = self._now()
        if self._max:
            self._log.append(at)
        self._admitted += 1
        self._active += 1
        if self._active > self._peak:
            self._peak = self._active
        return at

    def _withdraw(self, at: int) -> None:
        """Undoes a grant, and its statistics."""
        if at in self._log:
            self._log.remove(at)
        self._admitted -= 1
        self.release()

    async def _queued(self, session: Hashable) -> int:
        left, queue = self._left(), self._queue
        hopeless = self.spec.when_full != "queue" or not self.spec.max_wait or left > self.spec.max_wait
        if hopeless or queue.full(session):
            self._refused += 1
            raise self._reached(left)
        began, loop = self._now(), asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        queue.add(session, waiter)
        self._admit()
        timer = loop.call_later(self.spec.max_wait / SECOND, self._expire, waiter)
        try:
            at = await waiter
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        finally:
            timer.cancel()
            queue.remove(session, waiter)
        if at is None:
            self._timed_out += 1
            raise self._reached(self._left())
        self._count_wait(at - began)
        return at

    def _count_wait(self, took: int) -> None:
        self._waited += 1
        self._wait += took
        self._longest = max(self._longest, took)

    def _expire(self, waiter: _Waiter) -> None:
        self._admit()  # There may be room at this very moment.
        if not waiter.done():
            waiter.set_result(None)

    def _leave(self, waiter: _Waiter) -> None:
        """Cancelled while it waited; it may have been granted a permit at the same moment."""
        self._cancelled += 1
        if not waiter.cancelled() and (at := waiter.result()) is not None:
            self._withdraw(at)

    def _admit(self, least: int = 0) -> None:
        """Grants permits to waiting requests while there is room; does so again when the window opens."""
        left = 0
        while self._queue and not (left := self._left()):
            waiter = self._queue.pop()
            if not waiter.done():
                waiter.set_result(self._grant())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if left > 0:
            # A timer of uvloop may be a millisecond early and counts whole ones: a shorter one again would spin.
            self._timer = asyncio.get_running_loop().call_later(max(left, least) / SECOND, self._admit, MILLISECOND)

    def _reached(self, left: int) -> LimitReached:
        if left > 0:
            said = f"{self._max} begun within {show_duration(self.spec.window)}"
        else:
            said = "the machine is loaded" if self._closed else f"{self._active} at work and {len(self._queue)} waiting"
            left = max(self.spec.max_wait, _AGAIN)
        hint = "ask again later" if self.factor < 1 else "ask again later, or raise `limit` of the node"
        return LimitReached(f"its limit is reached: {said}", retry_after=left / SECOND, node=self.name, hint=hint)


def _scaled(bound: int | None, factor: float) -> int:
    return max(1, int(bound * factor + 1e-9)) if bound else 0
