"""Health checks: at intervals each member of a service does a small, real piece of its work.

The result goes to the member's breaker: an unhealthy member is not called any more before a
caller has to find out, and one that has recovered is back within an interval. Members
without a `probe` are `unknown`, and count as able to serve.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Literal

from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.compute.errors import Late, PoolExhausted
from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.resources import Resources
from pipeline.errors import NodeError, in_words
from pipeline.graph.plan import Plan, PlannedNode
from pipeline.node import Context, Node, Service
from pipeline.packet import SECOND, Event
from pipeline.params import seconds, show_duration
from pipeline.policies.breaker import Breaker
from pipeline.runtime.opening import close_in_time, open_node, retrieve
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.supervised_task import CANCEL_GRACE

HealthState = Literal["healthy", "unhealthy", "circuit_open", "unknown"]
"""`circuit_open`: calls have failed since the last probe, and the breaker lets none through.

`unknown`: it has no probe or was not probed yet, or the breaker's rest is over and no call was tried since."""

CLOSING = 2 * SECOND
"""Nanoseconds that a probe which is cancelled may take to close what it was opening."""
_GRAPHS = 16
"""Graphs that are probed; the one that was added longest ago is removed first."""
_EARLY = 0.1
"""The first probe is within this share of the interval; later ones come up to as much too early."""
_SLOW = "is the machine overloaded, or the model too large for it?"
_BUSY = (Late, PoolExhausted)
"""Errors that mean that the machine is busy, and say nothing about the member."""


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """The health of one member of a node; times in nanoseconds."""

    node: str
    use: str
    place: int
    """0 is the primary."""
    state: HealthState
    since: int
    """For how long probes have had this result."""
    took: int
    """By the last probe."""
    message: str = ""
    hint: str = ""
    needed: bool = True
    """Whether a session cannot be without its node."""

    @property
    def able(self) -> bool:
        """Whether it may be expected to do its work."""
        return self.state in ("healthy", "unknown")


Changed = Callable[[MemberHealth, MemberHealth], None]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The last result of a member's probe; times in nanoseconds."""

    state: Literal["healthy", "unhealthy", "unknown"] = "unknown"
    since: int = 0
    """When the first of the same results in a row was, on the health clock."""
    took: int = 0
    message: str = ""
    hint: str = ""


class MemberProbe:
    """Probes one member, with an instance of its node for that purpose alone.

    It is opened by the first check, and again after a failed opening or a probe that did not
    end in time.
    """

    def __init__(self, planned: PlannedNode, place: int, resources: Resources, breaker: Breaker, clock: Clock) -> None:
        self.breaker = breaker
        self.result = ProbeResult(since=clock.now())
        self._planned, self._place = planned, place
        self._resources = resources
        self._clock = clock
        self._node: Service[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        """The check in progress, or one that did not stop when it was cancelled."""
        self._closed = False

    async def check(self, limit: int) -> None:
        """Probes once, for at most `limit` nanoseconds; raises nothing, and tells the breaker the result."""
        if self._task is not None and not self._task.done():
            return self._set_result(NodeError("an earlier probe of it still hangs"), self.result.took)
        ticket, began = self.breaker.ticket, self._clock.now()
        self._task = task = asyncio.create_task(self._run(), name=f"{self} probe")
        task.add_done_callback(retrieve)
        try:
            await asyncio.wait((task,), timeout=limit / SECOND)
            in_time = task.done()
            if not in_time:
                await self._abandon(task)
        finally:
            task.cancel("health")
        error = _outcome(task) if in_time else NodeError(f"no answer within {show_duration(limit)}", hint=_SLOW)
        if isinstance(error, _BUSY):
            return self.breaker.abandoned(ticket)
        if error is None:
            self.breaker.succeeded(ticket)
        else:
            self.breaker.failed(ticket, error)
        self._set_result(error, self._clock.now() - began)

    async def close(self) -> None:
        """Closes the instance, where one is open; takes at most a few seconds."""
        self._closed = True
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=CLOSING / SECOND)
        await self._close_node()

    async def _run(self) -> None:
        # Computes in the normal lane, as before a caller: a probe that starved in the low one would look unhealthy.
        JOB_CONTEXT.set(JobContext(session="health"))
        if self._node is None:
            self._node = await self._open()
        if self._closed:  # it could not be cancelled while it opened
            return await self._close_node()
        await self._node.probe()

    async def _open(self) -> Service[Any]:
        member, planned = self._planned.members[self._place], self._planned
        context = Context(planned.name, self._clock, Causes(), _unheard, _unheard, planned.caps)
        node = member.node(member.params)
        assert isinstance(node, Service), "only services have probes"
        await open_node(node, context, self._resources, member.use)
        return node

    async def _abandon(self, task: asyncio.Task[None]) -> None:
        """Ends a check that takes too long. An instance that does not let go of it is closed, and not used again."""
        task.cancel("health")
        await asyncio.wait((task,), timeout=CANCEL_GRACE / SECOND)
        if not task.done():
            await self._close_node()

    async def _close_node(self) -> None:
        node, self._node = self._node, None
        if node is not None:
            await close_in_time(node)

    def _set_result(self, error: BaseException | None, took: int) -> None:
        state: Literal["healthy", "unhealthy"] = "healthy" if error is None else "unhealthy"
        since = self.result.since if state == self.result.state else self._clock.now()
        message, hint = in_words(error) if error is not None else ("", "")
        self.result = ProbeResult(state, since, took, message, hint)

    def __str__(self) -> str:
        return f"{self._planned.name} ({self._planned.members[self._place].use})"


@dataclass(frozen=True, slots=True)
class _Watched:
    """A member of a graph, and its probe."""

    node: str
    use: str
    place: int
    needed: bool
    probe: MemberProbe | None
    """None where its class has none."""


class Health:
    """Probes the members of the graphs that are added, from `start` to `stop`; for the event loop only.

    `every` is the interval and `limit` the longest that a probe may take, in nanoseconds.
    `changed` is called with a member's health before and after a probe with another result.
    Members that share a breaker share their probe.
    """

    def __init__(
        self,
        resources: Resources,
        policies: PolicyStore,
        *,
        every: int = seconds(30),
        limit: int = seconds(10),
        changed: Changed = lambda *_: None,
        random: Random | None = None,
    ) -> None:
        self._resources, self._policies = resources, policies
        self._every, self._limit = every, limit
        self._changed = changed
        self._random = random or Random()
        self._clock = Clock(asyncio.get_running_loop())
        self._graphs: OrderedDict[Path, tuple[_Watched, ...]] = OrderedDict()
        self._probes: dict[Breaker, MemberProbe] = {}
        self._jobs: dict[MemberProbe, Job[None]] = {}
        """The next check of each, or the one in progress."""
        self._leaving: set[asyncio.Task[None]] = set()
        self._started = False

    def add(self, plan: Plan) -> None:
        """Watches a graph; one of the same file is replaced."""
        self._graphs[plan.graph.path] = tuple(self._watch(plan))
        self._graphs.move_to_end(plan.graph.path)
        if len(self._graphs) > _GRAPHS:
            self._graphs.popitem(last=False)
        self._remove_unwatched()
        if self._started:
            self._schedule_new()

    def start(self) -> None:
        """Starts to check each member, once an interval."""
        self._started = True
        self._schedule_new()

    async def check(self) -> None:
        """Checks every member once, now, one after the other."""
        for probe in tuple(self._probes.values()):
            await self._check(probe)

    def report(self, graph: Path | None = None) -> tuple[MemberHealth, ...]:
        """The health of the members of services, in one graph or in all of them."""
        graphs = self._graphs.values() if graph is None else [self._graphs.get(graph, ())]
        return tuple(self._health(member) for members in graphs for member in members)

    async def stop(self) -> None:
        """Stops checking, and closes what the probes have opened."""
        self._started = False
        self._graphs.clear()
        self._remove_unwatched()
        if self._leaving:
            await asyncio.wait(self._leaving)

    # --- members

    def _watch(self, plan: Plan) -> Iterator[_Watched]:
        for planned in plan.nodes.values():
            if not issubclass(planned.members[0].node, Service):
                continue
            for place, member in enumerate(planned.members):
                probe = None
                if has_probe(member.node):
                    breaker = self._policies.of_member(member).breaker
                    probe = self._probes.get(breaker)
                    if probe is None:
                        probe = MemberProbe(planned, place, self._resources, breaker, self._clock)
                        self._probes[breaker] = probe
                yield _Watched(planned.name, member.use, place, planned.needed, probe)

    def _remove_unwatched(self) -> None:
        """Closes the probes of members that no graph has any more."""
        watched = {member.probe for members in self._graphs.values() for member in members}
        for breaker, probe in tuple(self._probes.items()):
            if probe not in watched:
                del self._probes[breaker]
                leaving = asyncio.create_task(self._leave(probe), name=f"{probe} leaves")
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, probe: MemberProbe) -> None:
        if (job := self._jobs.pop(probe, None)) is not None:
            job.cancel()
            await asyncio.wait((job.future,))
        await probe.close()

    # --- checks

    def _schedule_new(self) -> None:
        for probe in self._probes.values():
            if probe not in self._jobs:
                # At odd times: members that all computed at once would delay each other, and the calls.
                self._schedule(probe, self._clock.now() + round(self._every * self._random.uniform(0, _EARLY)))

    def _schedule(self, probe: MemberProbe, due: int) -> None:
        """Checks a member at `due`, or once a core is free for the low lane after that."""
        delay = max(0, due - self._clock.now())
        self._jobs[probe] = self._resources.scheduler.spawn(partial(self._attend, probe, due), delay=delay)

    async def _attend(self, probe: MemberProbe, due: int) -> None:
        await self._check(probe)
        # Until its breaker has opened, an unhealthy member delays each call.
        soon = probe.result.state == "unhealthy" and probe.breaker.state == "closed"
        pause = _EARLY if soon else self._random.uniform(1 - _EARLY, 1)
        self._schedule(probe, max(self._clock.now(), due + round(self._every * pause)))

    async def _check(self, probe: MemberProbe) -> None:
        members = [each for graph in self._graphs.values() for each in graph if each.probe is probe]
        before = [self._health(member) for member in members]
        await probe.check(self._limit)
        for was, member in zip(before, members, strict=True):
            if (now := self._health(member)).state != was.state:
                asyncio.get_running_loop().call_soon(self._changed, was, now)  # an error of it must not end the checks

    def _health(self, member: _Watched) -> MemberHealth:
        if (probe := member.probe) is None:
            state: HealthState = "unknown"
            found = ProbeResult(since=self._clock.now(), message="it has no probe")
        else:
            found = probe.result
            state = found.state
            if state != "unhealthy" and (breaker := probe.breaker.state) != "closed":
                state = "circuit_open" if breaker == "open" else "unknown"
        since = self._clock.now() - found.since
        return MemberHealth(
            member.node, member.use, member.place, state, since, found.took, found.message, found.hint, member.needed
        )


def unserviceable_nodes(report: Iterable[MemberHealth]) -> tuple[str, ...]:
    """The nodes that a session needs and that have no member that is able to serve."""
    nodes: dict[str, bool] = {}
    for member in report:
        nodes[member.node] = nodes.get(member.node, False) or member.able or not member.needed
    return tuple(node for node, able in nodes.items() if not able)


def has_probe(kind: type[Node[Any]]) -> bool:
    """Whether members of this class can be probed."""
    return issubclass(kind, Service) and kind.probe is not Service.probe


def _outcome(task: asyncio.Task[None]) -> BaseException | None:
    return NodeError("its probe was cancelled from within") if task.cancelled() else task.exception()


def _unheard(_: Event) -> None:
    """Events of an instance that is in no session."""
