"""Virtual time: an event loop that jumps to the next timer when nothing else is to do.

A replay of ten minutes takes seconds, and is the same each time. Timers of one instant
run in the order in which they were set. Results of compute jobs come in the order in which
the jobs *started*, one at a time, only when the loop is quiet; time stands while a job is
out. With `latency="zero"` a job takes no time; with `"measured"` it ends at its virtual
start plus the time that it really took, on as many workers as the executor really has.

Only `loop.run_in_executor` (so also `asyncio.to_thread`) is seen. While a socket, a
subprocess or a foreign thread is awaited, `hold()`, or time jumps past its time-out.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple, Unpack

from pipeline.await_chain import await_chain
from pipeline.errors import Stuck

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

Latency = Literal["zero", "measured"]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Events = list[tuple[selectors.SelectorKey, int]]

_ROUNDS = 1_000_000  # of the loop at one instant, after which time will never move again
_GRACE = 1.0  # real seconds for the end of a subprocess to be seen after its pipes have closed


def run_virtual(main: Coroutine[Any, Any, T], latency: Latency = "zero") -> T:
    """Runs a coroutine in virtual time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(latency)) as runner:
        return runner.run(main)


class _Timer(asyncio.TimerHandle):
    """A timer that remembers when it was set; the stock one runs ties in any order."""

    __slots__ = ("order",)
    order: int
    _scheduled: bool

    def __lt__(self, other: object) -> bool:
        return isinstance(other, _Timer) and (self.when(), self.order) < (other.when(), other.order)


@dataclass(slots=True, eq=False)
class _Lane:
    """The workers of one executor, in virtual time."""

    executor: Executor
    free: int
    waiting: deque[_Job] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Job:
    """One call in a thread."""

    lane: _Lane
    future: asyncio.Future[Any]
    work: Callable[[], Any]
    started: float = 0.0  # in virtual time
    seconds: float = 0.0  # that it really took
    real: Future[Any] = field(init=False)

    def settle(self) -> None:
        """Hands the result to the caller; a late one is nobody's."""
        if self.real.cancelled():
            self.future.cancel()
        if self.future.cancelled():
            return
        if (error := self.real.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.real.result())


class _Selector(selectors.DefaultSelector):
    """Asks the loop what to do where the stock loop would sleep."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.registered = 0
        """How many were ever waited for; the first is the loop's own wake-up."""
        self._loop = loop

    def register(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        """As in the stock selector, and counted."""
        self.registered += 1
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> _Events:
        return self._loop._busy() if timeout == 0 else self._loop._idle()

    def poll(self, timeout: float | None) -> _Events:
        """Waits really."""
        return super().select(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, from 0 on."""

    # What it leans on in the stock loop; a test says so when that changes.
    _check_closed: Callable[[], None]
    _write_to_self: Callable[[], None]
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _default_executor: Executor | None

    def __init__(self, latency: Latency = "zero") -> None:
        self.latency = latency
        self._now = 0.0
        self._timers = 0
        self._lanes: dict[Executor, _Lane] = {}
        self._jobs: deque[_Job] = deque()
        self._holds = 0
        self._lag = 0.0
        self._rounds = 0
        self._waits = _Selector(self)
        super().__init__(self._waits)

    def time(self) -> float:
        """Virtual seconds, always a whole number of nanoseconds."""
        return self._now

    @contextmanager
    def hold(self) -> Iterator[None]:
        """While something real is awaited, time stands still; if measured, it runs at its real pace."""
        if not self._holds:
            self._lag = super().time() - self._now
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in the stock loop, but timers of the same nanosecond keep their order."""
        self._check_closed()
        timer = _Timer(_whole(when), callback, args, self, context)
        timer.order = self._timers = self._timers + 1
        timer._scheduled = True
        heapq.heappush(self._scheduled, timer)
        return timer

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Runs a call in a thread; a virtual worker is taken for it when one is free."""
        self._check_closed()
        if (executor := executor or self._default_executor) is None:
            executor = self._default_executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
        if executor not in self._lanes:
            workers = getattr(executor, "workers", 0) or getattr(executor, "_max_workers", 1)
            self._lanes[executor] = _Lane(executor, workers)
        lane = self._lanes[executor]
        job = _Job(lane, self.create_future(), lambda: func(*args))
        if lane.free:
            self._start(job)
        else:
            lane.waiting.append(job)
        return job.future

    async def shutdown_default_executor(self, *_limit: float | None) -> None:
        """Lets the threads of `asyncio.to_thread` end; the stock way waits in a foreign thread."""
        if self._default_executor is not None:
            self._default_executor.shutdown(wait=False, cancel_futures=True)

    def _start(self, job: _Job) -> None:
        job.started = self._now
        job.real = job.lane.executor.submit(self._timed, job)
        job.real.add_done_callback(lambda _: self._write_to_self())
        job.lane.free -= 1
        self._jobs.append(job)

    def _timed(self, job: _Job) -> Any:
        started = super().time()
        try:
            return job.work()
        finally:
            job.seconds = super().time() - started

    def _finish(self, job: _Job) -> None:
        job.lane.free += 1
        job.settle()
        while job.lane.free and job.lane.waiting:
            following = job.lane.waiting.popleft()
            if not following.future.cancelled():
                self._start(following)

    def _busy(self) -> _Events:
        self._rounds += 1
        if self._rounds > _ROUNDS:
            self._rounds = 0
            raise self._stuck("virtual time does not move: something polls without sleeping")
        return self._waits.poll(0)

    def _idle(self) -> _Events:
        """Nothing is ready: a job's result comes next, or a real event, or a timer."""
        self._rounds = 0
        job = self._jobs[0] if self._jobs else None
        ended = job is not None and job.real.done()
        due = self._scheduled[0].when() if self._scheduled else math.inf
        if self._ready:  # A signal came meanwhile, or a call from the job: looked at after `ended`, it goes first.
            return self._waits.poll(0)
        if job is not None and not ended:
            return self._waits.poll(None)
        if job is not None:
            self._jobs.popleft()
            self.call_at(job.started + job.seconds if self.latency == "measured" else self._now, self._finish, job)
        elif self._holds:
            return self._held(due)
        elif due == math.inf:
            return self._nothing_due()
        else:
            self._now = due
        return self._waits.poll(0)

    def _held(self, due: float) -> _Events:
        if self.latency == "zero":
            return self._waits.poll(None)
        left = due + self._lag - super().time()
        events = self._waits.poll(max(0, left) if left < math.inf else None)
        self._now = max(self._now, min(due, _whole(super().time() - self._lag)))
        return events

    def _nothing_due(self) -> _Events:
        if len(self._waits.get_map()) > 1:  # besides the loop's own wake-up
            return self._waits.poll(None)
        if events := self._waits.poll(_GRACE if self._waits.registered > 1 else 0):
            return events
        raise self._stuck("nothing can ever happen: no timer, no job, no socket is waited for")

    def _stuck(self, message: str) -> Stuck:
        tasks = sorted(asyncio.all_tasks(self), key=lambda task: task.get_name())
        where = tuple(" > ".join((f"task {task.get_name()}", *await_chain(task))) for task in tasks)
        return Stuck(message, where=where, hint="hold the clock around what is awaited from outside the loop")


def _whole(seconds: float) -> float:
    """Rounded to nanoseconds, so that equal times are equal however they were added up."""
    return round(seconds * 1e9) / 1e9 if seconds < math.inf else seconds
