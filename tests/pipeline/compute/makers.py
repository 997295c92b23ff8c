"""Makes models that count themselves, and notice when two jobs are in one."""

# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from pipeline.compute.executor import Executor
from pipeline.compute.job import Job
from pipeline.compute.job_context import JobContext
from pipeline.compute.pool import Pool
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.testing.leaks import share

THREADS = share(Executor(3))
MS = 0.001


class Maker:
    """Makes models, and counts them."""

    def __init__(self, *errors: Exception | None, seconds: float = 0) -> None:
        self.made = self.alive = self.most = self.clashes = self.closed = 0
        self.errors = list(errors)
        self.seconds = seconds
        self._lock = threading.Lock()

    def __call__(self) -> Model:
        time.sleep(self.seconds)
        with self._lock:
            error = self.errors.pop(0) if self.errors else None
            if error is not None:
                raise error
            self.made += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
            return Model(self, self.made)

    def pool(self, min_size: int = 1, max_size: int = 1, **others: Any) -> Pool[Model]:
        return Pool(self(), Scheduler(THREADS), PoolSpec(self, min_size=min_size, max_size=max_size, **others))


@dataclass(eq=False)
class Model:
    """Notices when two are in it."""

    maker: Maker
    number: int
    inside: bool = False

    def compute(self, value: int, seconds: float = 0, error: Exception | None = None) -> int:
        self.maker.clashes += self.inside
        self.inside = True
        time.sleep(seconds)
        self.inside = False
        if error is not None:
            raise error
        return value

    def count(self, to: int, seconds: float, error: Exception | None) -> Iterator[int]:
        for value in range(to):
            yield self.compute(value, seconds)
        self.compute(0, seconds, error)

    def close(self) -> None:
        self.maker.clashes += self.inside
        self.maker.closed += 1
        self.maker.alive -= 1


def submit(
    scheduler: Scheduler,
    work: Callable[[], object],
    begin: Callable[[], object],
    *,
    threads: int = 1,
    delay: int = 0,
    context: JobContext | None = None,
) -> Job[object]:
    """As the scheduler's `submit`; `begin` is called at the moment when the job starts."""

    class Noting(Job[object]):
        def begin(self) -> None:
            begin()

    slots = min(threads, scheduler.slots)
    return scheduler.enter(Noting(context or JobContext(), scheduler.queue, slots, work=work), delay)


async def hold(pool: Pool[Any]) -> AsyncExitStack:
    """Takes an instance, until the stack is closed."""
    stack = AsyncExitStack()
    await stack.enter_async_context(pool.lease())
    return stack


def now() -> float:
    return asyncio.get_running_loop().time()
