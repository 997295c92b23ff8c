"""Micro-batches: what several sessions want of a model at the same time, in one job.

Nobody waits for company: when a thread becomes free for the first caller's job, those join
it that stand in line just then. Where the machine is idle every caller has a job of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from msgspec.structs import replace

from pipeline.compute.instance import Member
from pipeline.compute.instances import PoolSpec
from pipeline.compute.job import Job
from pipeline.compute.job_context import JobContext
from pipeline.compute.waitlist import Caller, Waitlist
from pipeline.errors import NodeError

M = TypeVar("M")
X = TypeVar("X")
Y = TypeVar("Y")
Together = Callable[[M, Sequence[X]], Sequence[Y]]
"""Computes one output for each item, in the same order."""


class Start(Protocol[M]):
    """Starts a job on a member."""

    def __call__(
        self, member: Member[M], job: Callable[[M], Any], context: JobContext, begin: Callable[[], None]
    ) -> Job[Any]: ...


class Batches(Generic[M]):
    """The batches of one pool."""

    def __init__(self, leases: Waitlist[M], start: Start[M], leave: Callable[[Member[M], Job[Any]], None]) -> None:
        self._leases = leases
        self._start = start
        self._leave = leave
        self._batches: dict[Caller[M], _Batch[M]] = {}

    async def run(self, together: Together[M, X, Y], item: X, alike: Hashable, most: int) -> Y:
        """The output for one item, which may be computed with those of others."""
        waits: asyncio.Future[Y] = asyncio.get_running_loop().create_future()
        caller = self._leases.ask(waits, partial(self._lend, together, most), item, (together, alike))
        try:
            return await waits
        except asyncio.CancelledError:
            if not self._leases.withdraw(caller) and caller in self._batches:
                self._batches[caller].leave()
            raise

    def _lend(self, together: Together[M, Any, Any], most: int, caller: Caller[M], member: Member[M]) -> None:
        """It is the turn of a caller: its job takes along who stands in line when it begins."""
        batch = self._batches[caller] = _Batch(together, [caller])
        # Without its cause: the others' would die with it.
        context = replace(caller.context, cause=None)
        batch.job = self._start(member, batch.compute, context, partial(self._gather, batch, most))
        batch.job.future.add_done_callback(partial(self._ended, batch, member))

    def _gather(self, batch: _Batch[M], most: int) -> None:
        first = batch.callers[0]
        if first.key is not None and not PoolSpec.sparing:
            batch.callers += self._leases.join(first.key, first.context.lane, most - 1)
        for caller in batch.callers:
            self._batches[caller] = batch

    def _ended(self, batch: _Batch[M], member: Member[M], outputs: asyncio.Future[Sequence[Any]]) -> None:
        for caller in batch.callers:
            del self._batches[caller]
        if batch.job is not None:
            self._leave(member, batch.job)
        alone = len(batch.callers) == 1
        for place, caller in enumerate(batch.callers):
            if caller.waits.done():
                continue
            if outputs.cancelled():
                caller.waits.cancel()
            elif (error := outputs.exception()) is None:
                caller.waits.set_result(outputs.result()[place])
            elif alone:
                caller.waits.set_exception(error)
            else:  # One item must not spoil the others: each by itself.
                caller.key = None
                self._leases.again(caller)


@dataclass(slots=True, eq=False)
class _Batch(Generic[M]):
    """What one job computes."""

    together: Together[M, Any, Any]
    callers: list[Caller[M]]
    job: Job[Any] | None = field(init=False, default=None)

    def compute(self, resource: M) -> Sequence[Any]:
        """In a compute thread."""
        outputs = self.together(resource, [caller.item for caller in self.callers])
        if len(outputs) != len(self.callers):
            raise NodeError(
                f"{len(self.callers)} items were computed together, and {len(outputs)} outputs came back",
                hint="a batch's function returns one output for each item, in the same order",
            )
        return outputs

    def leave(self) -> None:
        """When all who wait for it have left, nobody wants it any more."""
        if self.job is not None and all(caller.waits.done() for caller in self.callers):
            self.job.cancel()
