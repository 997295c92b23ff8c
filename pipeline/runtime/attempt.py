"""An attempt: one packet on its way through the chain of a service, or of one port of a sink.

The first member that can does the packet; `pipeline.policies` has the order in which policies
apply. The fence before each push makes a flush correct; cancelling makes it prompt.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.errors import NodeError
from pipeline.node import Node, Service
from pipeline.packet import SECOND, Packet
from pipeline.policies.deadline import DeadlineExceeded, Overrun, Watch
from pipeline.runtime.policy_store import NodePolicy
from pipeline.runtime.report import Reporter
from pipeline.runtime.running_node import RunningMember, RunningNode
from pipeline.runtime.supervised_task import SupervisedTask
from pipeline.runtime.worker import wait_room

MAX_RETRY_PAUSE = SECOND
"""Nanoseconds; a longer pause is not waited out where the next member could answer at once."""


@dataclass(slots=True, eq=False)
class ServiceState:
    """What the attempts of one worker share."""

    running: RunningNode
    policy: NodePolicy
    reporter: Reporter
    task: SupervisedTask
    watches: dict[int, Watch] = field(default_factory=dict)
    """By the member's place."""
    primary_failed: bool = False
    """Whether another member had to do the primary's work, and the primary has done no packet since."""


class Attempt:
    """Tries the members of a chain on one packet; without a packet it runs `finish`."""

    __slots__ = ("_overrun", "_port", "_service", "_spent", "_watch", "made", "packet")

    def __init__(self, service: ServiceState, packet: Packet | None, port: str) -> None:
        self.packet = packet
        self.made: list[Packet] = []
        """The outputs of the packet, from the first one that counts on."""
        self._service = service
        self._port = port
        self._spent = False
        """Whether every member has failed."""
        self._watch: Watch | None = None
        self._overrun: Overrun | None = None

    async def run(self, packet: Packet) -> None:
        """Takes a permit of the node's limit, then goes through the chain."""
        limit = self._service.policy.limit
        permit = limit is None or limit.try_acquire()
        refused: Exception | None = None
        try:
            if limit is not None and not permit:
                granted: list[int] = []
                refused = await self._supervise(_acquire(self._service.policy, granted), "waits for its limit")
                permit = bool(granted)
            if refused is not None:
                await self._refused(refused, packet)
            elif not packet.is_stale:
                await self._try_from(self._service.running.active, packet)
        finally:
            if limit is not None and permit:
                limit.release()

    async def finish(self) -> None:
        """Pushes the last outputs, when every input has ended."""
        member = self._service.running.active
        work = member.node.finish if isinstance(member.node, Service) else lambda: None
        if (error := await self._push_outputs(member, work, "finish")) is not None:
            self._report(member, error)

    # --- the chain

    async def _refused(self, error: Exception, packet: Packet) -> None:
        """The limit has no room: the next member does the packet, or the last resort is given."""
        limit, primary = self._service.policy.limit, self._service.running.active
        sheds = limit is not None and limit.spec.when_full == "shed"
        fallback = None if sheds else self._following(primary, packet)
        self._report(primary, error, fallback)
        if fallback is not None:
            self._service.primary_failed = True
            await self._try_from(fallback, packet)
        elif not packet.is_stale:
            await self._last_resort(packet)

    async def _try_from(self, first: RunningMember, packet: Packet) -> None:
        """Lets one member after the other do the packet, until one can."""
        service, member = self._service, first
        while True:
            following = self._following(member, packet)
            ticket = _ticket(member)
            if ticket or following is None:
                error = await self._try_member(member, packet, ticket)
                if error is None:
                    self._succeeded(member, packet)
                    return
                service.primary_failed = True
                following = self._following(member, packet)
                self._report(member, error, following)
            if following is None:
                break
            member = following
        if not packet.is_stale:
            await self._last_resort(packet)

    def _following(self, member: RunningMember, packet: Packet) -> RunningMember | None:
        """The next member that could do the packet, or what is left of it."""
        if packet.is_stale:
            return None
        later = self._service.running.after(member.place)
        return next((other for other in later if not self.made or _resumes(other.node)), None)

    def _succeeded(self, member: RunningMember, packet: Packet) -> None:
        if self._service.primary_failed and member.place == 0 and not packet.is_stale:
            self._service.primary_failed = False
            self._service.reporter.recovered(self._service.running.name, member.use)

    async def _last_resort(self, packet: Packet) -> None:
        """Every member has failed."""
        self._spent = True
        primary = self._service.running.active
        node = primary.node
        if not isinstance(node, Service):
            return

        def outputs() -> AsyncIterator[Any] | None:
            is_due = self.made or node.requires_output(packet)
            return _each(node.last_resort(packet, self.made)) if is_due else None

        error = await self._push_outputs(primary, outputs, "last resort")
        if error is not None:
            self._report(primary, error)

    def _report(self, member: RunningMember, error: Exception, answered_by: RunningMember | None = None) -> None:
        use, rung = (answered_by.use, answered_by.place) if answered_by is not None else ("", 0)
        self._service.reporter.failed(self._service.running.name, member.use, error, use, rung)

    # --- one member

    async def _try_member(self, first: RunningMember, packet: Packet, ticket: int) -> Exception | None:
        """One member, as often as its retry policy allows."""
        tries = 0
        while True:
            tries += 1
            # An abandoned instance is replaced between two tries; a placeholder may have left.
            member = self._service.running.at(first.place) or first
            error = await self._push_outputs(member, partial(self._outputs, member, packet), type(packet).__name__)
            budget = MAX_RETRY_PAUSE if self._following(member, packet) is not None else None
            pause = self._judge(member, packet, error, ticket, tries, budget)
            if error is None or pause is None:
                return error
            self._service.reporter.retries(self._service.running.name, member.use, error, pause)
            await self._supervise(member.node.clock.sleep(pause), "pauses")
            ticket = _ticket(member)
            if packet.is_stale or not ticket:
                return error

    def _judge(
        self,
        member: RunningMember,
        packet: Packet,
        error: Exception | None,
        ticket: int,
        tries: int,
        budget: int | None,
    ) -> int | None:
        """Reports the outcome to the breaker; the nanoseconds until the next try, or None for no other."""
        policy = member.policy
        if policy is None:
            return None
        if packet.is_stale:
            policy.breaker.abandoned(ticket)
        elif error is None:
            policy.breaker.succeeded(ticket)
        else:
            policy.breaker.failed(ticket, error)
            return None if self.made else policy.backoff.delay(tries, error, budget)
        return None

    def _outputs(self, member: RunningMember, packet: Packet) -> Any:
        """What the member makes of the packet, or of the rest of it."""
        node = member.node
        work = partial(handler_of(node, self._port, packet), packet)
        if not isinstance(node, Service):
            return work()
        if self.made:
            return node.resume(packet, self.made)
        cache = self._service.policy.cache if member.place == 0 else None
        key = node.cache_key(packet) if cache is not None else None
        return work() if cache is None or key is None else cache.outputs(node, packet, key, work)

    def _lacks_output(self, node: Node[Any]) -> bool:
        packet = self.packet
        if packet is None or self.made or self._spent or not packet.at.cause.live:
            return False
        return isinstance(node, Service) and node.requires_output(packet)

    # --- one try

    async def _push_outputs(self, member: RunningMember, work: Callable[[], Any], what: str) -> Exception | None:
        """Pushes the outputs of a member's work, within its deadlines; the error it raised, or None."""
        policy = member.policy
        self._overrun = None
        if policy is None or self.packet is None:
            return await self._supervise(self._serve(member, work), what)
        watch = self._service.watches.get(member.place)
        if watch is None:
            watch = self._service.watches[member.place] = Watch(policy.deadline, asyncio.get_running_loop())
        self._watch = watch
        try:
            return await self._supervise(self._serve(member, work), what)
        finally:
            if watch.first:
                policy.first_output.add(watch.first)

    async def _supervise(self, work: Any, what: str) -> Exception | None:
        """Runs a coroutine that a flush stops; the error it raised, or None."""
        try:
            task = await self._service.task.run(work, f"{self._service.running.name} {what}")
        finally:
            watch, self._watch = self._watch, None
            if watch is not None:
                watch.end()
        return self._outcome(task)

    async def _serve(self, member: RunningMember, work: Callable[[], Any]) -> None:
        """Runs in the supervised task, as does every hook of the node: an error in one fails only the attempt."""
        node = member.node
        if self._watch is not None:
            self._watch.begin(self._too_late)
        if self.packet is not None:
            _set_job_context(node, self.packet)
        outputs = work()
        if inspect.isawaitable(outputs):
            outputs = await outputs
        if hasattr(outputs, "aclose"):
            async with aclosing(outputs):
                await self._push_all(node, outputs)
        elif outputs is not None:
            raise NodeError(
                f"its handler returned a {type(outputs).__name__}, which goes nowhere",
                hint="`yield` each output, in an `async def`",
            )
        if self._lacks_output(node):
            raise NodeError(f"{member.use} produced no usable output", hint="the model files may be corrupt")

    async def _push_all(self, node: Node[Any], outputs: AsyncIterator[Any]) -> None:
        me, watch, supervised = asyncio.current_task(), self._watch, self._service.task
        blocking, routes = self._service.running.blocking, self._service.running.routes
        service = node if isinstance(node, Service) else None
        required = (
            self.packet is not None and service is not None and not self._spent and service.requires_output(self.packet)
        )
        held_back: list[Any] = []
        async for output in outputs:
            is_packet = isinstance(output, Packet)
            if is_packet and me is supervised.task:
                if watch is not None:
                    watch.hold()  # waiting for room is not the member's fault
                await wait_room(blocking)
                if watch is not None and me is supervised.task:
                    watch.output()
            if me is not supervised.task or (is_packet and output.is_stale):
                return  # abandoned, or flushed while it waited
            if is_packet and service is not None and (self.made or service.counts_as_output(output)):
                self.made.append(output)
            elif required and not self.made:
                held_back.append(output)  # if no usable output follows, the next member gives its own
                continue
            for each in (*held_back, output):
                routes[each.__class__](each)
            held_back.clear()

    def _too_late(self, overrun: Overrun) -> None:
        self._overrun = overrun
        self._service.task.cancel("deadline")

    def _outcome(self, task: asyncio.Task[None]) -> Exception | None:
        if task.done() and not task.cancelled():
            error = task.exception()
            return contained(error) if error is not None else None
        if self.packet is not None and self.packet.is_stale:
            return None  # cancelled by the flush
        if self._overrun is not None:
            return DeadlineExceeded(self._overrun)
        return NodeError("its work was cancelled from within", hint="another task cancelled what it awaited")


def contained(error: BaseException) -> Exception:
    """The error as an ordinary exception: a Rust panic is none."""
    return error if isinstance(error, Exception) else NodeError(f"raised {error!r}")


def handler_of(node: Node[Any], port: str, packet: Packet) -> Callable[[Any], Any]:
    """The bound method that handles this packet on this port."""
    handlers = node.handlers[port]
    handler = next(handlers[base] for base in type(packet).__mro__ if base in handlers)
    method: Callable[[Any], Any] = handler.__get__(node)
    return method


async def _acquire(policy: NodePolicy, granted: list[int]) -> None:
    """Waits for a permit; `granted` has it also where the waiting task was cancelled in that moment."""
    assert policy.limit is not None, "the caller has checked"
    granted.append(await policy.limit.acquire(policy.session))


async def _each(outputs: Iterable[Any]) -> AsyncIterator[Any]:
    for output in outputs:
        yield output


def _set_job_context(node: Node[Any], packet: Packet) -> None:
    """Sets the context in which this task computes; the task has a copy of its own."""
    cause = None if packet.survives_flush else packet.at.cause
    lane = node.lane(packet) if isinstance(node, Service) else "normal"
    JOB_CONTEXT.set(JobContext(lane, JOB_CONTEXT.get().session, cause, origin=packet.at.cause))


def _ticket(member: RunningMember) -> int:
    """Leave of the member's breaker to try it now; 0 where it gives none."""
    return member.policy.breaker.allows() if member.policy is not None else 1


def _resumes(node: Node[Any]) -> bool:
    """Whether it can go on with what another member began."""
    return isinstance(node, Service) and type(node).resume is not Service.resume
