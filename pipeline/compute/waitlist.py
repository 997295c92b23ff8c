"""Who may compute with which member of a pool, and who waits for one.

Callers wait as the scheduler's jobs do: by lane, the sessions of a lane in turn, each
session's earliest deadline first. One loop at a time; all of it happens in the event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline.compute.errors import Late, PoolExhausted
from pipeline.compute.instance import Member
from pipeline.compute.instances import Members, PoolSpec
from pipeline.compute.job_context import JOB_CONTEXT, Lane
from pipeline.compute.lane_queue import LaneQueue, Waiter
from pipeline.compute.scheduler import Scheduler
from pipeline.compute.statistics import PoolStatistics
from pipeline.errors import NodeError, ResourceError
from pipeline.packet import SECOND

M = TypeVar("M")

_BUSY = "raise `max` of its `pool` in the graph if memory and cores allow it, or take fewer calls at a time"


@dataclass(slots=True, eq=False)
class Caller(Waiter, Generic[M]):
    """One who waits for a member, or for the answer of a batch."""

    limit: float
    """When it has waited long enough, in seconds on the event loop's clock."""
    waits: asyncio.Future[Any]
    lend: Callable[[Caller[M], Member[M]], None]
    """Called with the member when it is its turn."""
    item: Any = None
    """What a batch computes for it."""
    key: Hashable = None
    """Callers whose keys are equal may share a job; None shares with nobody."""


class Waitlist(Generic[M]):
    """Lends the members of one pool."""

    def __init__(self, first: M, scheduler: Scheduler, spec: PoolSpec[M]) -> None:
        self.members = Members(first, spec, scheduler, changed=self._hand_over, failed=self._fail)
        self.closed = False
        """Whether no new callers are let in."""
        self._spec = spec
        self._queue: LaneQueue[Caller[M]] = LaneQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._requests = self._joined = self._exhausted = self._returned = self._active = self._peak = 0
        self._waited = self._longest = self._lent = 0.0

    async def enter(self) -> Member[M]:
        """Waits for a member; raises PoolExhausted or Late where there is none in time."""
        self._check_open()
        return await self.acquire()

    async def acquire(self) -> Member[M]:
        """The same, for whoever closes the pool too; then there is no limit to the wait."""
        loop = self._here()
        self._requests += 1
        if self.members.free:  # Then nobody waits: whoever did would have it.
            return self._lend(JOB_CONTEXT.get().session, loop.time())
        waits: asyncio.Future[Member[M]] = loop.create_future()
        caller = self._caller(loop, waits, _give)
        self._line_up(loop, caller)
        try:
            return await waits
        except asyncio.CancelledError:
            if not self.withdraw(caller) and not waits.cancelled() and waits.exception() is None:
                self.release(waits.result())  # It came as the caller left: pass it on.
            raise

    def ask(
        self, waits: asyncio.Future[Any], lend: Callable[[Caller[M], Member[M]], None], item: Any, key: Hashable
    ) -> Caller[M]:
        """Has `lend` called with a member when there is one, unless somebody takes the item along before."""
        self._check_open()
        self._requests += 1
        caller = self._caller(self._here(), waits, lend, item, key)
        self.again(caller)
        return caller

    def again(self, caller: Caller[M]) -> None:
        """Lets a caller stand in line, and go at once where a member is free."""
        self._line_up(self._here(), caller)
        self._hand_over()

    def join(self, key: Hashable, lane: Lane, most: int) -> list[Caller[M]]:
        """Takes out of the line those who can share a job with this key, so many at most."""
        alike = [caller for caller in self._queue if caller.key == key and caller.context.lane == lane]
        joined = [caller for caller in alike if caller.context.is_live and not caller.waits.done()][:most]
        for caller in joined:
            self._serve(caller)
        self._joined += len(joined)
        return joined

    def withdraw(self, caller: Caller[M]) -> bool:
        """Takes a caller out of the line; False if it stood there no more."""
        if queued := caller.queued:
            self._queue.remove(caller)
        return queued

    def release(self, member: Member[M]) -> None:
        """Ends a lease; a member that is broken is replaced."""
        if member.broken:
            self.members.replace(member)
        else:
            self.members.free.append(member)
        self.forget(member)

    def forget(self, member: Member[M]) -> None:
        """Ends a lease whose member does not come back."""
        self._active -= 1
        self._returned += 1
        self._lent += asyncio.get_running_loop().time() - member.since
        self._hand_over()

    def fill(self) -> None:
        """Makes as many members as there are to be at least, and those for whom callers wait."""
        self._here()
        self._grow()

    def statistics(self) -> PoolStatistics:
        """What they do at this moment."""
        members = self.members
        return PoolStatistics(
            members=len(members.all),
            most=self._spec.most,
            active=self._active,
            peak=self._peak,
            waiting=len(self._queue),
            requests=self._requests,
            joined=self._joined,
            exhausted=self._exhausted,
            waited=round(self._waited * SECOND),
            longest=round(self._longest * SECOND),
            made=members.made,
            replaced=members.replaced,
            failed=members.failed,
        )

    def _check_open(self) -> None:
        if self.closed:
            raise _closed()

    def _here(self) -> asyncio.AbstractEventLoop:
        """The running loop. One before it may have been closed with a lease in it that nobody can end now."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError("a pool serves one event loop at a time")
            self._loop, self._queue, self._active, self._timer = loop, LaneQueue(), 0, None
            self.members.join()
        return loop

    def _lend(self, session: Hashable, now: float) -> Member[M]:
        member = self.members.take(session)
        member.since = now
        self._active += 1
        self._peak = max(self._peak, self._active)
        return member

    def _caller(self, loop: asyncio.AbstractEventLoop, *waits: Any) -> Caller[M]:
        context, now = JOB_CONTEXT.get(), loop.time()
        limit = math.inf if self.closed else now + self._spec.wait / SECOND
        if context.deadline is not None:
            limit = min(limit, context.deadline / SECOND)
        return Caller(context, now, limit, *waits)

    def _line_up(self, loop: asyncio.AbstractEventLoop, caller: Caller[M]) -> None:
        self._watch(loop, caller.limit)
        self._queue.push(caller)
        self._grow()

    def _hand_over(self) -> None:
        """Gives what is free to those whose turn it is."""
        while self.members.free and (caller := self._queue.next()) is not None:
            if caller.waits.done() or not caller.context.is_live:
                self._queue.remove(caller)
                caller.waits.cancel()
            else:
                self._serve(caller)
                caller.lend(caller, self._lend(caller.context.session, asyncio.get_running_loop().time()))
        if self.closed and not self.members.all and not self.members.pending:
            self._fail(_closed())
        self._grow()

    def _serve(self, caller: Caller[M]) -> None:
        self._queue.take(caller)
        self._note_wait(caller)

    def _note_wait(self, caller: Caller[M]) -> None:
        waited = asyncio.get_running_loop().time() - caller.since
        self._waited += waited
        self._longest = max(self._longest, waited)

    def _grow(self) -> None:
        if not self.closed:
            self.members.grow(len(self._queue))

    def _watch(self, loop: asyncio.AbstractEventLoop, limit: float) -> None:
        """One timer for all, for the earliest; most callers have left long before it."""
        if limit < (math.inf if self._timer is None else self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(limit, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        for caller in list(self._queue):
            if caller.limit <= loop.time():
                self._give_up(caller)
            else:
                self._watch(loop, caller.limit)

    def _give_up(self, caller: Caller[M]) -> None:
        members = len(self.members.all)
        busy = f"a member of its pool, which has {members} and all at work"
        retry_after = self._lent / max(1, self._returned) * len(self._queue) / max(1, members)
        self._queue.remove(caller)
        self._note_wait(caller)
        self._exhausted += 1
        if caller.context.deadline is not None and caller.limit == caller.context.deadline / SECOND:
            error: NodeError = Late(f"its deadline passed while it waited for {busy}", hint=_BUSY)
        else:
            message = f"it waited {caller.limit - caller.since:g} s for {busy}"
            error = PoolExhausted(message, retry_after=retry_after, hint=_BUSY)
        if not caller.waits.done():
            caller.waits.set_exception(error)

    def _fail(self, error: NodeError) -> None:
        """There is no member, and none could be made: whoever asks next tries again."""
        for caller in list(self._queue):
            self._queue.remove(caller)
            if not caller.waits.done():
                caller.waits.set_exception(error)


def _give(caller: Caller[M], member: Member[M]) -> None:
    caller.waits.set_result(member)


def _closed() -> NodeError:
    return ResourceError("the model has been closed", hint="its runner has ended: make sessions of another one")
