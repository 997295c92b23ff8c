"""The members of a pool: made on demand, never too many, replaced when one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline.compute.errors import breaks
from pipeline.compute.member import Member
from pipeline.compute.scheduler import Scheduler
from pipeline.compute.terms import Terms
from pipeline.errors import Category, DependencyError, NetworkError, NodeError, ResourceError, classify
from pipeline.packet import SECOND

M = TypeVar("M")

_ERRORS: dict[Category, tuple[type[NodeError], str]] = {
    "dependency": (DependencyError, "install the package that has what is missing"),
    "network": (NetworkError, "check the connection, or put the model's files in place beforehand"),
}
_ANY_ERROR = (ResourceError, "check that the model's files are whole and that memory suffices")


@dataclass(frozen=True, slots=True)
class PoolSpec(Generic[M]):
    """What a pool has in it, and how much of it."""

    load: Callable[[], M]
    """Makes one more; called in a compute thread."""
    threads: int = 1
    """Cores that a job takes."""
    least: int = 1
    most: int = 1
    """Members."""
    wait: int = 30 * SECOND
    """Nanoseconds that a caller waits for one."""
    broken: Callable[[BaseException], bool] = breaks
    """Whether what a job raised says that its member must be replaced."""


class Members(Generic[M]):
    """All that are loaded, and which of them are free."""

    def __init__(
        self,
        first: M,
        spec: PoolSpec[M],
        scheduler: Scheduler,
        *,
        changed: Callable[[], None],
        failed: Callable[[NodeError], None],
    ) -> None:
        self.all = [Member(first)]
        self.free = list(self.all)
        self.made, self.replaced, self.failed = 1, 0, 0
        self.pending = 0
        """Those that are being made or closed just now."""
        self._spec = spec
        self._scheduler = scheduler
        self._changed = changed
        self._failed = failed

    def join(self) -> None:
        """A new event loop begins: whoever had a member in the one before is gone."""
        self.free, self.pending = list(self.all), 0

    def grow(self, waiting: int) -> None:
        """Makes as many more as there are callers that wait for one, within the bounds."""
        spec = self._spec
        there = len(self.all) + self.pending
        busy = len(self.all) - len(self.free)
        for _ in range(min(spec.most, max(spec.least, busy + waiting)) - there):
            self.pending += 1
            # On nobody's terms: it outlives whoever it is made for.
            job = self._scheduler.submit(spec.load, threads=spec.threads, terms=Terms())
            job.future.add_done_callback(self._loaded)

    def replace(self, member: Member[M]) -> None:
        """Closes one that is broken; the next one is made when it is gone, for its memory."""
        self.all.remove(member)
        self.replaced += 1
        self.pending += 1
        job = self._scheduler.submit(member.close, terms=Terms())
        job.future.add_done_callback(self._closed)

    def _loaded(self, ready: asyncio.Future[M]) -> None:
        self.pending -= 1
        error = _error(ready)
        if error is None:
            self.made += 1
            member = Member(ready.result())
            self.all.append(member)
            self.free.append(member)
            self._changed()
            return
        self.failed += 1
        if not self.all and not self.pending:
            self._failed(as_node_error(error))

    def _closed(self, ended: asyncio.Future[None]) -> None:
        self.pending -= 1
        _error(ended)  # It was broken already.
        self._changed()


def _error(ended: asyncio.Future[Any]) -> BaseException | None:
    """What a job raised; the executor cancels those that wait when it ends."""
    return asyncio.CancelledError() if ended.cancelled() else ended.exception()


def as_node_error(error: BaseException) -> NodeError:
    """What a loader raised, as an error that teaches."""
    if isinstance(error, NodeError):
        return error
    kind, hint = _ERRORS.get(classify(error), _ANY_ERROR)
    known = kind(f"loading failed: {type(error).__name__}: {error}", hint=hint)
    known.__cause__ = error
    return known
