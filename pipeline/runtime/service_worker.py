"""The worker of a service, or of one port of a sink: one packet at a time, with policies around it.

A packet is done by the first member of the chain that can; `pipeline.policies` has the order.
The fence before each push is what makes a flush sound; cancelling makes it prompt.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pipeline.await_chain import await_chain
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.errors import NodeError
from pipeline.node import Node, Service, Sink
from pipeline.packet import SECOND, Packet
from pipeline.policies.deadline import DeadlineExceeded, Overrun, Watch
from pipeline.runtime.policy_store import NodePolicy
from pipeline.runtime.running_node import RunningNode
from pipeline.runtime.supervised_task import SupervisedTask
from pipeline.runtime.worker import Inlets, wait_room

MAX_RETRY_PAUSE = SECOND
"""Nanoseconds of a pause that is too long where the next member could answer at once."""


@dataclass(frozen=True, slots=True)
class InPort:
    """An input port as its worker sees it."""

    name: str
    gated: bool


class WorkerListener(Protocol):
    """Who is told of what happens to a worker: the session."""

    def member_failed(self, stage: RunningNode, error: Exception, member: Node[Any], spare: Node[Any] | None) -> None:
        """A member could not do a packet; `spare` does it now, or nobody."""

    def member_retries(self, stage: RunningNode, error: Exception, member: Node[Any], pause: int) -> None:
        """A member tries again after so many nanoseconds."""

    def recovered(self, stage: RunningNode, member: Node[Any]) -> None:
        """The primary does its work again."""

    def abandoned(self, node: str, where: tuple[str, ...]) -> None:
        """Work did not stop, and was abandoned; where it hangs."""


class ServiceWorker:
    """Runs a service's (or a sink port's) handlers over what its inlets hold."""

    def __init__(self, stage: RunningNode, policy: NodePolicy, reports: WorkerListener) -> None:
        self.stage = stage
        self.inlets: Inlets[InPort] = Inlets()
        self.port = ""
        """The first port that it serves; the only one where it serves a sink."""
        self.stale = 0
        """Packets dropped here because their cause was dead."""
        self._policy = policy
        self._reports = reports
        self._inner = SupervisedTask(self._left_behind)
        self._packet: Packet | None = None
        self._permit = True
        """Whether the node's limit has let this packet in."""
        self._made: list[Packet] = []
        """The outputs of this packet, from the first useful one on."""
        self._spent = False
        """Whether no member can do this packet (any more)."""
        self._watch: Watch | None = None
        """That of what runs now."""
        self._watches: dict[int, Watch] = {}
        """By the place of the member."""
        self._overrun: Overrun | None = None
        self._fallen = False
        """Whether the primary has failed, and not done anything since."""
        self._reset_due = False
        self._quiet: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Until every inlet has ended, then `finish`."""
        while self.inlets.open:
            # Credit before pull: work whose result nobody has room for may be for nothing.
            await wait_room(self.stage.gates)
            taken = self.inlets.take()
            if taken is None:
                if self.inlets.open:
                    await self.inlets.filled()
                continue
            packet, port = taken
            if port.gated and not packet.at.cause.decided:
                await packet.at.cause.wait_until_decided()
            if packet.is_stale:
                self.stale += 1
            else:
                await self._do(packet, port.name)
        error = await self._attempt(self.stage.node, partial(_finish, self.stage.node), "finish")
        if error is not None:
            self._reports.member_failed(self.stage, error, self.stage.node, None)

    def prefetch(self) -> None:
        """Begins to make what the graph's cache wants ahead of time."""
        node, cache = self.stage.node, self._policy.cache
        if cache is not None and isinstance(node, Service):
            cache.begin(node, lambda packet: _handler(node, self.port, packet)(packet))

    # --- one packet

    async def _do(self, packet: Packet, port: str) -> None:
        self._packet, self._made, self._spent = packet, [], False
        limit = self._policy.limit
        self._permit = limit is None or limit.try_acquire()
        try:
            refused = None if self._permit else await self._run(self._wait(), f"{self.stage.name} waits for its limit")
            if refused is not None:
                await self._refused(refused, packet, port)
            elif not packet.is_stale:
                await self._chain(packet, port, self.stage.node)
        finally:
            if limit is not None and self._permit:
                limit.release()
            self._packet = None
            self._confirm()

    async def _wait(self) -> None:
        """For a permit of the node's limit."""
        assert self._policy.limit is not None, "else there is nothing to wait for"
        await self._policy.limit.acquire(self._policy.session)
        self._permit = True

    async def _refused(self, error: Exception, packet: Packet, port: str) -> None:
        """The limit has no room: the next member does it, or an apology is given."""
        limit, primary = self._policy.limit, self.stage.node
        sheds = limit is not None and limit.spec.when_full == "shed"
        spare = None if sheds else self._following(primary, packet)
        self._reports.member_failed(self.stage, error, primary, spare)
        if spare is not None:
            await self._chain(packet, port, spare)
        elif not packet.is_stale:
            await self._apologise(packet)

    async def _chain(self, packet: Packet, port: str, first: Node[Any]) -> None:
        """Lets one member after the other do the packet, from `first`, until one can."""
        member: Node[Any] | None = first
        while member is not None:
            place, following = member.context.place, self._following(member, packet)
            ticket = _ticket(member)
            if not ticket and following is not None:
                member = following
                continue
            error = await self._persist(place, packet, port, ticket)
            if error is None:
                if not packet.is_stale:
                    self._done_by(self.stage.member(place))
                return
            self._fallen = True
            failed, member = member, self._following(member, packet)
            self._reports.member_failed(self.stage, error, failed, member)
        if not packet.is_stale:
            await self._apologise(packet)

    def _following(self, member: Node[Any], packet: Packet) -> Node[Any] | None:
        """The next member that could do the packet, or what is left of it."""
        if packet.is_stale:
            return None
        later = self.stage.after(member.context.place)
        return next((other for other in later if not self._made or _resumes(other)), None)

    async def _persist(self, place: int, packet: Packet, port: str, ticket: int) -> Exception | None:
        """One member, as often as it makes sense."""
        attempts = 0
        while True:
            attempts += 1
            member = self.stage.member(place)
            work = partial(self._outputs, member, port, packet)
            error = await self._attempt(member, work, type(packet).__name__)
            error = error or self._nothing_useful(member, packet)
            budget = MAX_RETRY_PAUSE if self._following(member, packet) is not None else None
            pause = self._verdict(member, packet, error, ticket, attempts, budget)
            if error is None or pause is None:
                return error
            self._reports.member_retries(self.stage, error, member, pause)
            await self._run(member.clock.sleep(pause), f"{self.stage.name} pauses")
            ticket = _ticket(member)
            if packet.is_stale or not ticket:
                return error

    def _verdict(
        self, member: Node[Any], packet: Packet, error: Exception | None, ticket: int, attempts: int, budget: int | None
    ) -> int | None:
        """Tells the breaker how it went; after how many nanoseconds the member shall try again, if at all."""
        policy = member.context.policy
        if policy is None:
            return None
        if packet.is_stale:
            policy.breaker.abandoned(ticket)
        elif error is None:
            policy.breaker.succeeded(ticket)
        else:
            policy.breaker.failed(ticket, error)
            return None if self._made else policy.backoff.delay(attempts, error, budget)
        return None

    def _outputs(self, member: Node[Any], port: str, packet: Packet) -> Any:
        """What the member makes of the packet, or of the rest of it."""
        work = partial(_handler(member, port, packet), packet)
        if not isinstance(member, Service):
            return work()
        if self._made:
            return member.resume(packet, self._made)
        cache = self._policy.cache if member.context.place == 0 else None
        key = member.cache_key(packet) if cache is not None else None
        return work() if cache is None or key is None else cache.outputs(member, packet, key, work)

    def _nothing_useful(self, member: Node[Any], packet: Packet) -> NodeError | None:
        if (
            self._made
            or not isinstance(member, Service)
            or not packet.at.cause.live
            or not member.requires_output(packet)
        ):
            return None
        return NodeError(f"{member.context.use} gave nothing that anybody could use", hint="is its model whole?")

    async def _apologise(self, packet: Packet) -> None:
        """The chain is spent."""
        self._spent = True
        primary = self.stage.node
        if isinstance(primary, Service) and (self._made or primary.requires_output(packet)):
            error = await self._attempt(primary, lambda: _each(primary.last_resort(packet, self._made)), "apology")
            if error is not None:
                self._reports.member_failed(self.stage, error, primary, None)

    def _done_by(self, member: Node[Any]) -> None:
        if self._fallen and member.context.place == 0:
            self._fallen = False
            self._reports.recovered(self.stage, member)

    # --- one attempt

    async def _attempt(self, member: Node[Any], work: Callable[[], Any], what: str) -> Exception | None:
        """Pushes the outputs of a member's work, within its deadlines; what it raised, or None."""
        policy = member.context.policy
        self._overrun = None
        if policy is not None and self._packet is not None:
            place = member.context.place
            self._watch = self._watches.get(place)
            if self._watch is None:
                watch = Watch(policy.deadline, asyncio.get_running_loop(), self._too_late)
                self._watch = self._watches[place] = watch
        return await self._run(self._serve(member, work), f"{self.stage.name} {what}")

    async def _run(self, work: Any, name: str) -> Exception | None:
        """Runs something that a flush stops; what it raised, or None."""
        try:
            task = await self._inner.run(work, name)
        finally:
            watch, self._watch = self._watch, None
            if watch is not None:
                watch.end()
        return self._outcome(task)

    async def _serve(self, member: Node[Any], work: Callable[[], Any]) -> None:
        if self._watch is not None:
            self._watch.begin()
        if self._packet is not None:
            _set_terms(member, self._packet)
        outputs = work()
        if inspect.isawaitable(outputs):
            outputs = await outputs
        if hasattr(outputs, "aclose"):
            async with aclosing(outputs):
                await self._push_all(member, outputs)
        elif outputs is not None:
            raise NodeError(
                f"its handler returned a {type(outputs).__name__}, which goes nowhere",
                hint="`yield` each output, in an `async def`",
            )

    async def _push_all(self, member: Node[Any], outputs: AsyncIterator[Any]) -> None:
        me, watch = asyncio.current_task(), self._watch
        gates, routes = self.stage.gates, self.stage.routes
        service = member if isinstance(member, Service) else None
        owed = (
            self._packet is not None
            and service is not None
            and not self._spent
            and service.requires_output(self._packet)
        )
        held_back: list[Any] = []
        async for output in outputs:
            is_packet = isinstance(output, Packet)
            if is_packet and me is self._inner.task:
                if watch is not None:
                    watch.hold()  # waiting for room is not the member's fault
                await wait_room(gates)
                if watch is not None and me is self._inner.task:
                    watch.output()
            if me is not self._inner.task or (is_packet and output.is_stale):
                return  # abandoned, or flushed while it waited
            if is_packet and service is not None and (self._made or service.counts_as_output(output)):
                self._made.append(output)
            elif owed and not self._made:
                held_back.append(output)  # if nothing useful follows, the next member gives its own
                continue
            for each in (*held_back, output):
                routes[each.__class__](each)
            held_back.clear()

    def _too_late(self, overrun: Overrun) -> None:
        self._overrun = overrun
        self._inner.cancel("deadline")

    def _outcome(self, task: asyncio.Task[None]) -> Exception | None:
        overrun, packet = self._overrun, self._packet
        if packet is not None and packet.is_stale and (not task.done() or task.cancelled()):
            return None  # by the flush
        if not task.done() or task.cancelled():
            if overrun is not None:
                return DeadlineExceeded(overrun)
            hint = "what it waited for was cancelled by somebody else"
            return NodeError("its work was cancelled from within", hint=hint)
        error = task.exception()
        return contained(error) if error is not None else None

    # --- flush

    def flush(self) -> None:
        """The start of a flush: stops work on a dead cause; the state is new when it has stopped."""
        packet, work = self._packet, self._inner.task
        if work is None:
            self._reset()
            return
        self._reset_due = True
        if packet is not None and packet.is_stale and work is not asyncio.current_task():
            self._inner.cancel("flush")

    def _left_behind(self, task: asyncio.Task[None]) -> None:
        self._reports.abandoned(self.stage.name, await_chain(task))
        self.stage.renew()

    def _reset(self) -> None:
        self._reset_due = False
        if isinstance(self.stage.node, Sink):
            return  # its ports run side by side: what one is at work with is not taken away
        for member in self.stage.members:
            member.reset()

    def _confirm(self) -> None:
        if self._reset_due:
            self._reset()
        quiet, self._quiet = self._quiet, []
        for waiter in quiet:
            if not waiter.done():
                waiter.set_result(None)

    async def quiet(self) -> None:
        """Returns when nothing of a dead cause is in work."""
        while (packet := self._packet) is not None and packet.is_stale:
            waiter = asyncio.get_running_loop().create_future()
            self._quiet.append(waiter)
            await waiter

    def tasks(self) -> list[asyncio.Task[None]]:
        """What it is at work with, and what was abandoned and may still run."""
        return self._inner.tasks()


def contained(error: BaseException) -> Exception:
    """An ordinary exception of whatever a node raised: a Rust panic is none."""
    return error if isinstance(error, Exception) else NodeError(f"raised {error!r}")


async def _each(outputs: Iterable[Any]) -> AsyncIterator[Any]:
    for output in outputs:
        yield output


def _set_terms(member: Node[Any], packet: Packet) -> None:
    """On what terms this task computes from now on; it has a context of its own."""
    cause = None if packet.survives_flush else packet.at.cause
    lane = member.lane(packet) if isinstance(member, Service) else "normal"
    JOB_CONTEXT.set(JobContext(lane, JOB_CONTEXT.get().session, cause))


def _ticket(member: Node[Any]) -> int:
    """Leave to try the member now; 0 where its breaker gives none."""
    policy = member.context.policy
    return policy.breaker.allows() if policy is not None else 1


def _resumes(member: Node[Any]) -> bool:
    """Whether it can go on with what another member began."""
    return isinstance(member, Service) and type(member).resume is not Service.resume


def _finish(member: Node[Any]) -> Any:
    return member.finish() if isinstance(member, Service) else None


def _handler(member: Node[Any], port: str, packet: Packet) -> Callable[[Any], Any]:
    handlers = member.handlers[port]
    handler = next(handlers[base] for base in type(packet).__mro__ if base in handlers)
    method: Callable[[Any], Any] = handler.__get__(member)
    return method
