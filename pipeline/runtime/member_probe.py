"""A patient: one member of a service that is looked at, with an instance of the node for that alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.compute.errors import Late, PoolExhausted
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.resources import Resources
from pipeline.errors import NodeError, in_words
from pipeline.graph.plan import PlannedNode
from pipeline.node import Context, Node, Service
from pipeline.packet import SECOND, Event
from pipeline.params import show_duration
from pipeline.policies.breaker import Breaker
from pipeline.runtime.opening import open_node
from pipeline.runtime.supervised_task import CANCEL_GRACE

CLOSING = 2 * SECOND
"""Nanoseconds that an instance may take to close."""
_SLOW = "is the machine overloaded, or the model too large for it?"
_BUSY = (Late, PoolExhausted)
"""What says that the machine is busy, and nothing of the member."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What was found last; times in nanoseconds."""

    state: Literal["well", "down", "unknown"] = "unknown"
    since: int = 0
    """When it was first found so, on the clock of who looks."""
    took: int = 0
    message: str = ""
    hint: str = ""


class MemberProbe:
    """Opened at the first look; after an error of that, at the next one again."""

    def __init__(self, planned: PlannedNode, place: int, resources: Resources, breaker: Breaker, clock: Clock) -> None:
        self.breaker = breaker
        self.condition = ProbeResult(since=clock.now())
        self._planned, self._place = planned, place
        self._resources = resources
        self._clock = clock
        self._node: Service[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        """The look that goes on, or one that did not let itself be ended."""

    async def look(self, limit: int) -> None:
        """One look, of so many nanoseconds at most; raises nothing, and tells the breaker what it found."""
        if self._task is not None and not self._task.done():
            return self._found(NodeError("an earlier probe of it still hangs"), self.condition.took)
        ticket, began = self.breaker.ticket, self._clock.now()
        self._task = task = asyncio.create_task(self._examine(), name=f"{self} probe")
        try:
            await asyncio.wait((task,), timeout=limit / SECOND)
            in_time = task.done()
            if not in_time:
                task.cancel("health")
                await asyncio.wait((task,), timeout=CANCEL_GRACE / SECOND)
                self._node = self._node if task.done() else None  # else it is captive
        finally:
            if not task.done():
                task.cancel("health")
                task.add_done_callback(_heard)
        error = _outcome(task) if in_time else NodeError(f"no answer within {show_duration(limit)}", hint=_SLOW)
        if isinstance(error, _BUSY):
            return self.breaker.abandoned(ticket)
        if error is None:
            self.breaker.succeeded(ticket)
        else:
            self.breaker.failed(ticket, error)
        self._found(error, self._clock.now() - began)

    async def close(self) -> None:
        """Closes the instance, where one is open."""
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=CANCEL_GRACE / SECOND)
        node, self._node = self._node, None
        if node is not None:
            await node.close()

    async def _examine(self) -> None:
        JOB_CONTEXT.set(JobContext(session="health"))
        if self._node is None:
            self._node = await self._opened()
        await self._node.probe()

    async def _opened(self) -> Service[Any]:
        member, planned = self._planned.members[self._place], self._planned
        context = Context(planned.name, self._clock, Causes(), _unheard, _unheard, planned.caps)
        node = member.node(member.params)
        assert isinstance(node, Service), "only services have probes"
        await open_node(node, context, self._resources, member.use)
        return node

    def _found(self, error: BaseException | None, took: int) -> None:
        state: Literal["well", "down"] = "well" if error is None else "down"
        since = self.condition.since if state == self.condition.state else self._clock.now()
        message, hint = in_words(error) if error is not None else ("", "")
        self.condition = ProbeResult(state, since, took, message, hint)

    def __str__(self) -> str:
        return f"{self._planned.name} ({self._planned.members[self._place].use})"


def has_probe(kind: type[Node[Any]]) -> bool:
    """Whether members of this class can be looked at."""
    return issubclass(kind, Service) and kind.probe is not Service.probe


def _outcome(task: asyncio.Task[None]) -> BaseException | None:
    return NodeError("its probe was cancelled from within") if task.cancelled() else task.exception()


def _heard(task: asyncio.Task[None]) -> None:
    """Nobody waits for it any more, so nobody else would take its error."""
    if not task.cancelled():
        task.exception()


def _unheard(_: Event) -> None:
    """What an instance says that is in no session."""
