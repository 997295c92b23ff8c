"""The members of a pool: made on demand, never too many, replaced when one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pipeline.compute.errors import breaks
from pipeline.compute.instance import Member
from pipeline.compute.job_context import JobContext
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import Category, DependencyError, NetworkError, NodeError, ResourceError, classify
from pipeline.packet import SECOND

if TYPE_CHECKING:
    from pipeline.policies.spec import PoolBounds

M = TypeVar("M")

_ERRORS: dict[Category, tuple[type[NodeError], str]] = {
    "dependency": (DependencyError, "install the package that has what is missing"),
    "network": (NetworkError, "check the connection, or put the model's files in place beforehand"),
}
_ANY_ERROR = (ResourceError, "check that the model's files are whole and that memory suffices")


@dataclass(slots=True)
class PoolSpec(Generic[M]):
    """What a pool has in it, and how much of it; as much as its class says, until a graph asks."""

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
    small: bool = False
    """Whether one more of it takes no memory to speak of."""
    sparing: ClassVar[bool] = False
    """Whether memory is short, which is the whole process's: nothing large is added, each caller has its own job."""
    _asked: dict[str, int] = field(init=False, default_factory=dict)
    """The largest of each that graphs have asked for."""

    def ask(self, bounds: PoolBounds) -> None:
        """One more graph says how much it wants: of what any says at all the largest holds."""
        asked = self._asked
        for word, value in (("least", bounds.min), ("most", bounds.max), ("wait", bounds.wait)):
            if value is not None:
                asked[word] = max(value, asked.get(word, 0))
        self.wait = asked.get("wait", self.wait)
        self.most = max(asked.get("most", self.most), asked.get("least", 1))
        self.least = min(asked.get("least", self.least), self.most)


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
        self._taken = 0
        self._spec = spec
        self._scheduler = scheduler
        self._changed = changed
        self._failed = failed

    def join(self) -> None:
        """A new event loop begins: whoever had a member in the one before is gone."""
        self.free, self.pending = list(self.all), 0

    def take(self, session: Hashable) -> Member[M]:
        """A free one: that which this session had last, or else that which has been free for the longest.

        A model may still know the conversation, which another one would have to read from its beginning.
        """
        if self._spec.most == 1:
            return self.free.pop()
        whose = hash(session)  # Not the session, which would be kept alive; two that are alike do no harm.
        member = max(self.free, key=lambda each: each.served.get(whose, 0))
        self.free.remove(member)
        self._taken += 1
        member.serves(whose, self._taken)
        return member

    def grow(self, waiting: int) -> None:
        """Makes as many more as there are callers that wait for one, within the bounds and the memory."""
        spec = self._spec
        there = len(self.all) + self.pending
        busy = len(self.all) - len(self.free)
        wanted = spec.least if PoolSpec.sparing and not spec.small else max(spec.least, busy + waiting)
        for _ in range(min(spec.most, wanted) - there):
            self.pending += 1
            # On nobody's terms: it outlives whoever it is made for.
            job = self._scheduler.submit(spec.load, threads=spec.threads, context=JobContext())
            job.future.add_done_callback(self._loaded)

    def replace(self, member: Member[M]) -> None:
        """Closes one that is broken; the next one is made when it is gone, for its memory."""
        self.all.remove(member)
        self.replaced += 1
        self.pending += 1
        member.end(self._scheduler).add_done_callback(self._closed)

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
