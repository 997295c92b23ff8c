"""Micro-batches: what several sessions want of a model at the same time, computed in one job.

Nothing waits for company: when the first caller's job starts, the callers that are in the queue just
then join it. Where the machine is idle every caller has a job of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from pipeline.compute.instances import PoolJob
from pipeline.errors import NodeError

M = TypeVar("M")
X = TypeVar("X")
Y = TypeVar("Y")
BatchFunction = Callable[[M, Sequence[X]], Sequence[Y]]
"""Computes one output for each item, in the same order."""


@dataclass(slots=True, eq=False)
class BatchJob(PoolJob[M]):
    """The job of one item, in which those of other callers may be computed along; `work` is a `BatchFunction`."""

    item: Any = field(kw_only=True)
    key: Hashable = field(kw_only=True)
    """Items with equal keys may be computed together; None is computed alone."""
    max_size: int = field(kw_only=True)
    leader: BatchJob[M] | None = field(init=False, default=None)
    """The job that computes its item, once that has started."""
    batch: list[BatchJob[M]] = field(init=False, default_factory=list)
    """Of a leader: the jobs whose items it computes, itself first."""

    def begin(self) -> None:
        PoolJob.begin(self)
        self.batch = [self]
        if self.key is not None and not self.instances.scheduler.memory_pressure:
            fitting = (job for job in self.queue if isinstance(job, BatchJob) and self._fits(job))
            self.batch += islice(fitting, self.max_size - 1)
        for job in self.batch[1:]:
            self.instances.join(job)
        for job in self.batch:
            job.leader = self

    def compute(self) -> Sequence[Any]:
        assert self.instance is not None, "it has begun"
        items = [job.item for job in self.batch]
        outputs: Sequence[Any] = self.instance.compute(lambda resource: self.work(resource, items))
        if len(outputs) != len(items):
            raise NodeError(
                f"{len(items)} items were computed together, and {len(outputs)} outputs came back",
                hint="a batch's function returns one output for each item, in the same order",
            )
        return outputs

    def cancel(self) -> None:
        """Removes it from the queue; a batch that runs is told to stop when all its callers have cancelled."""
        if self.leader is None:
            PoolJob.cancel(self)
        else:
            self.stop()

    def stop(self) -> None:
        self.future.cancel()
        if self.leader is not None and all(job.future.done() for job in self.leader.batch):
            self.leader.stopped = True

    def end(self, ended: asyncio.Future[Any]) -> None:
        batch, self.batch = self.batch, []
        self.give_back(ended)
        for place, job in enumerate(batch):
            job.leader = None
            if job.future.done():
                continue
            if ended.cancelled():
                job.future.cancel()
            elif (error := ended.exception()) is None:
                job.future.set_result(ended.result()[place])
            elif len(batch) == 1:
                job.future.set_exception(error)
            else:  # One item must not spoil the others: each is computed by itself.
                job.key = None
                self.instances.scheduler.enqueue(job)

    def _fits(self, job: BatchJob[Any]) -> bool:
        return job.key == self.key and job.context.lane == self.context.lane and job.context.is_live
