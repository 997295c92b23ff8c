"""The roster of a session: opens the members of every node, adds late ones, reopens missing ones.

A member that is slow to open joins when it is ready; one that could not be opened, or gave up, is
tried again every ten seconds. Without any member the session fails, or uses a placeholder where
the node is optional.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.compute.job import Job
from pipeline.compute.job_context import JobContext
from pipeline.compute.resources import Resources
from pipeline.errors import NodeError, StillOpening, classify
from pipeline.graph.plan import Plan, PlannedNode
from pipeline.node import Context, Node, Service
from pipeline.packet import SECOND, Event
from pipeline.runtime.dispatch import Push
from pipeline.runtime.opening import open_node
from pipeline.runtime.placeholder import Placeholder, make_placeholder
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import Reporter
from pipeline.runtime.running_node import RunningMember
from pipeline.runtime.wiring import Wiring

REOPEN_INTERVAL = 10 * SECOND
"""Nanoseconds until a member that could not be opened is tried again."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the session lends to its roster and its nodes."""

    plan: Plan
    clock: Clock
    causes: Causes
    post: Push
    reporter: Reporter
    resources: Resources
    policies: PolicyStore
    provided: Sequence[object]
    start_within: int | None
    """Nanoseconds to wait for a primary where a fallback is open; None: without limit."""
    name: str = ""


_Opening = asyncio.Task[RunningMember]


class Roster:
    """The members of all nodes of a session."""

    def __init__(self, host: Host) -> None:
        self.members: dict[str, list[RunningMember]] = {}
        """By node; those that are open, in the order of the chain."""
        self._host = host
        self._connected = _connected(host.plan)
        self._wiring: Wiring | None = None
        self._memories: dict[tuple[str, Any], Any] = {}
        """By node and Memory type: members of a chain share what the conversation has left."""
        self._opening: set[asyncio.Task[Any]] = set()
        """Tasks that open a member while others do its work."""
        self._reopening: dict[tuple[str, int], Job[None]] = {}
        """By node and place."""
        self._closing = False

    async def open(self) -> None:
        """Opens a member of every node at least. Raises NodeError where a needed node has none."""
        for planned in self._host.plan.nodes.values():
            await self._open_chain(planned)

    def attach(self, wiring: Wiring) -> None:
        """From now on upstream events are delivered, and members that come join their nodes."""
        self._wiring = wiring
        for name, members in self.members.items():
            for member in members:
                member.node.context.send_upstream = wiring.nodes[name].send_upstream

    def give_up(self, member: RunningMember, node: str) -> None:
        """A transform's member has failed and left its chain: it stays open until another takes its place."""
        self._reopen_later(self._host.plan.nodes[node], member.place)

    def nodes(self) -> Iterator[Node[Any]]:
        """Every open instance, the last node's first."""
        return (member.node for members in reversed(self.members.values()) for member in members)

    def stacks(self, node: str) -> set[tuple[str, ...]]:
        """Where the threads are that compute for a node, the innermost call first."""
        members = self.members.get(node, ())
        return {pool.stack() for member in members for pool in member.node.context.pools.values()}

    def stop(self) -> list[asyncio.Task[Any]]:
        """Opens nothing more; the tasks that are still opening members."""
        self._closing = True
        for job in self._reopening.values():
            job.cancel()
        return [*self._opening]

    # --- opening

    async def _open_chain(self, planned: PlannedNode) -> None:
        host, loop = self._host, asyncio.get_running_loop()
        tasks: dict[int, _Opening] = {}
        try:
            for place in range(len(planned.members)):
                task = loop.create_task(self._open_member(planned, place), name=f"{planned.name} opens")
                tasks[place] = task
                if host.start_within is None:
                    await asyncio.wait((task,))
            if host.start_within is not None:
                await _until_one_is_open(tuple(tasks.values()), host.start_within)
        except asyncio.CancelledError:
            self._abort(planned.name, tasks.values())
            raise
        failures = {place: error for place, task in tasks.items() if task.done() and (error := _failure(task))}
        opened = [task.result() for place, task in tasks.items() if task.done() and place not in failures]
        if not opened:
            if planned.needed:
                raise _named(next(iter(failures.values())), planned.name)
            opened.append(self._placeholder(planned))
        self.members[planned.name] = opened
        for place, failure in failures.items():
            error, first = _named(failure, planned.name), opened[0]
            host.reporter.failed(planned.name, planned.members[place].use, error, first.use, first.place)
            self._reopen_later(planned, place)
        for place, task in tasks.items():
            if not task.done():
                self._join_later(planned, place, task)

    async def _open_member(self, planned: PlannedNode, place: int) -> RunningMember:
        host, spec = self._host, planned.members[place]
        context = Context(
            planned.name,
            host.clock,
            host.causes,
            host.post,
            _unheard,
            planned.caps,
            connected=self._connected[planned.name],
            provided=host.provided,
            session=host.name,
        )
        node = spec.node(spec.params)
        policy = host.policies.of_member(spec) if isinstance(node, Service) else None
        key = (planned.name, type(node).Memory)
        if key not in self._memories:
            self._memories[key] = node.Memory()
        await open_node(node, context, host.resources, spec.use, spec.pool, self._memories[key])
        return RunningMember(node, spec.use, place, policy)

    def _placeholder(self, planned: PlannedNode) -> RunningMember:
        host, node = self._host, make_placeholder(planned.members[0].node)
        node.start(Context(planned.name, host.clock, host.causes, host.post, _unheard, planned.caps))
        return RunningMember(node)

    def _abort(self, name: str, tasks: Iterable[_Opening]) -> None:
        """The session was cancelled during an opening: open members stay known, so that they are closed."""
        for task in tasks:
            if not task.done():
                task.cancel()
                self._opening.add(task)
            elif _failure(task) is None:
                self.members.setdefault(name, []).append(task.result())

    # --- joining

    def _join_later(self, planned: PlannedNode, place: int, task: _Opening) -> None:
        """A slow member joins when it is open; until then others do its work: a later one is not missed."""
        slow = StillOpening("it is still being opened", hint="until it is, the next member does its work")
        fallback = self.members[planned.name][0]
        if place < fallback.place:
            self._host.reporter.failed(planned.name, planned.members[place].use, slow, fallback.use, fallback.place)
        self._opening.add(task)

        def ended(task: _Opening) -> None:
            self._opening.discard(task)
            if not task.cancelled() and not self._closing:
                if _failure(task) is None:
                    self._join(planned.name, task.result())
                else:
                    self._reopen_later(planned, place)

        task.add_done_callback(ended)

    def _join(self, name: str, member: RunningMember) -> list[RunningMember]:
        """Puts a member into its chain; returns those whose place it has taken."""
        members = self.members[name]
        replaced = [each for each in members if each.place == member.place or isinstance(each.node, Placeholder)]
        kept = [each for each in members if each not in replaced]
        self.members[name] = sorted([*kept, member], key=lambda each: each.place)
        if self._wiring is not None:
            running = self._wiring.nodes[name]
            member.node.context.send_upstream = running.send_upstream
            running.join(member, instead=replaced)
        if member.place == 0:
            self._host.reporter.recovered(name, member.use)
        return replaced

    # --- reopening

    def _reopen_later(self, planned: PlannedNode, place: int) -> None:
        """Each missing member has a delayed job of its own, so that one that hangs keeps no other away."""
        key = (planned.name, place)
        if self._closing or key in self._reopening:
            return
        work = partial(self._reopen, planned, place)
        self._reopening[key] = self._host.resources.scheduler.spawn(
            work, delay=REOPEN_INTERVAL, context=JobContext("low")
        )

    async def _reopen(self, planned: PlannedNode, place: int) -> None:
        task = asyncio.get_running_loop().create_task(self._open_member(planned, place), name=f"{planned.name} opens")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            task.cancel()
            raise
        del self._reopening[planned.name, place]
        member = task.result() if _failure(task) is None else None
        if member is None:
            self._reopen_later(planned, place)
            return
        replaced = self._join(planned.name, member)
        await asyncio.gather(*(close_node(each.node) for each in replaced), return_exceptions=True)


async def close_node(node: Node[Any]) -> None:
    """Closes an instance, in a task that is named for its node."""
    task = asyncio.current_task()
    if task is not None and hasattr(node, "context"):
        task.set_name(node.context.name)
    await node.close()


def _connected(plan: Plan) -> defaultdict[str, set[str]]:
    """The connected ports of every node."""
    ports: defaultdict[str, set[str]] = defaultdict(set)
    for link in plan.links:
        ports[link.source].add(link.source_port)
        ports[link.target].add(link.target_port)
    for feedback in plan.feedback:
        ports[feedback.target].add(feedback.target_port)
        sent = getattr(plan.nodes[feedback.source].members[0].node, "sends", {})
        ports[feedback.source] |= {name for name, port in sent.items() if port.event is feedback.event}
    return ports


async def _until_one_is_open(tasks: Sequence[_Opening], limit: int) -> None:
    """Waits for the primary for `limit` nanoseconds; then until any is open, or none can be."""
    waiting = set(tasks)
    await asyncio.wait(tasks[:1], timeout=limit / SECOND if len(tasks) > 1 else None)
    while (waiting := {task for task in waiting if not task.done()}) and all(
        task in waiting or _failure(task) for task in tasks
    ):
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _failure(task: _Opening) -> NodeError | None:
    """Why a member could not be opened; None where it is open."""
    error = NodeError("its opening was cancelled from within") if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return _as_node_error(error) if error is not None else None


def _as_node_error(error: Exception) -> NodeError:
    if isinstance(error, NodeError):
        return error
    known = NodeError(f"opening failed: {type(error).__name__}: {error}")
    known.category = classify(error)
    known.__cause__ = error
    return known


def _named(failure: NodeError, node: str) -> NodeError:
    failure.node = node
    return failure


def _unheard(_: Event) -> None:
    """Upstream events before the session is wired."""
