"""A session: one running plan, such as a call or a replay.

It opens the nodes, runs the workers until everything has drained, flushes when a cause is
revoked, and closes in bounded time: what does not end is named, with where it hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pipeline.await_chain import await_chain
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.resources import Resources
from pipeline.errors import NodeError, Stuck, classify, in_words
from pipeline.events import Abandoned, Flushed, NodeFailed, NodeRecovered, NodeRetries
from pipeline.graph.graph import Member
from pipeline.graph.plan import Plan, PlannedLink, PlannedNode
from pipeline.node import Context, Node, Service, Source, Transform
from pipeline.packet import SECOND, Event, Packet, Stamp
from pipeline.runtime.bus import Bus
from pipeline.runtime.dispatch import make_dispatcher
from pipeline.runtime.opening import open_node
from pipeline.runtime.placeholder import Placeholder, make_placeholder
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import Ended, SessionReport
from pipeline.runtime.running_node import Failed, RunningNode
from pipeline.runtime.service_worker import ServiceWorker, contained
from pipeline.runtime.supervised_task import CANCEL_GRACE
from pipeline.runtime.wiring import Observer, Wiring, wire
from pipeline.runtime.worker import emit, pump

FLUSH_DEADLINE = 2 * CANCEL_GRACE
CLOSE_DEADLINE = 2 * SECOND
"""Nanoseconds for each of the two phases of closing: the workers stop, then the nodes close."""
STOP_DEADLINE = 2 * CLOSE_DEADLINE
"""Nanoseconds from the end of a session (`stop`, or its cancellation) until `run` is over, however much hangs."""
REOPEN_INTERVAL = 10 * SECOND
"""Nanoseconds until members that could not be opened are tried again."""
DRAIN_STALL_TIMEOUT = 60 * SECOND
"""Nanoseconds without any movement after the sources have ended, until draining is given up."""


class Session:
    """One running plan. Made by `Runner.session`; `run` it once."""

    def __init__(
        self,
        plan: Plan,
        resources: Resources,
        policies: PolicyStore | None = None,
        observe: Observer | None = None,
        start_within: int | None = None,
        provide: Sequence[object] = (),
    ) -> None:
        self.plan = plan
        self.clock = Clock(asyncio.get_running_loop())
        self.causes = Causes()
        self.causes.interrupt = self._interrupt
        self.bus = Bus(self._subscriber_failed)
        self.report = SessionReport()
        self._resources = resources
        self._policies = policies or PolicyStore()
        self._start_within = start_within
        self._provided = tuple(provide)
        self._observe = self._watching(observe) if observe is not None else None
        self._members: dict[str, list[Node[Any]]] = {}
        self._assembly: Wiring | None = None
        self._missing: list[tuple[PlannedNode, int]] = []
        """Members that could not be opened, or gave up, by their place in the chain."""
        self._slow: set[asyncio.Task[Node[Any]]] = set()
        """Members that are still being opened while others do their work."""
        self._revival: asyncio.TimerHandle | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._flushes: list[asyncio.Task[None]] = []
        self._over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._running_sources = 0
        self._drain: asyncio.TimerHandle | None = None

    async def run(self) -> SessionReport:
        """Runs until every sink has seen the end, `stop`, or a failure that ends it.

        Raises NodeError where a node cannot be opened; whatever was opened is closed.
        """
        terms = JOB_CONTEXT.set(JobContext(session=self))  # inherited by every task of the session
        try:
            await self._open()
            self.clock.restart()
            self._start()
            self.report.ended = await self._over
        finally:
            await self._close()
            JOB_CONTEXT.reset(terms)
        return self.report

    def node(self, name: str) -> Node[Any]:
        """The active member of a node, once the session runs: for tests and tools to look at."""
        return self._built.stages[name].node

    def lag(self) -> int:
        """Nanoseconds that a packet has waited, at most, for a service that nothing below holds up."""
        return self._assembly.lag() if self._assembly is not None else 0

    def stop(self) -> None:
        """Ends the session soon, keeping what came out so far."""
        self._end("stopped")

    # --- opening

    async def _open(self) -> None:
        for planned in self.plan.nodes.values():
            await self._open_members(planned)
        root = Stamp(0, 0, self.causes.root)
        self._assembly = wire(
            self.plan,
            self._members,
            root=root,
            clock=self.clock,
            make_server=self._make_server,
            failed=self._stage_failed,
            post=self.bus.post,
            observe=self._observe,
        )
        for name, nodes in self._members.items():
            for node in nodes:
                node.context.send_upstream = self._assembly.stages[name].send_upstream

    async def _open_members(self, planned: PlannedNode) -> None:
        """Opens the members that can be opened, in order. Without any, a node cannot run, or is done without."""
        tasks: dict[int, asyncio.Task[Node[Any]]] = {}
        try:
            for place in range(len(planned.members)):
                tasks[place] = self._opening(planned, place)
                if self._start_within is None:
                    await asyncio.wait((tasks[place],))
            if self._start_within is not None:
                await self._until_one_is_open(tuple(tasks.values()), self._start_within)
        except asyncio.CancelledError:
            self._give_up(planned, tasks.values())
            raise
        opened = self._members.setdefault(planned.name, [])
        failures = {place: error for place, task in tasks.items() if task.done() and (error := _failure(task))}
        opened += [task.result() for place, task in tasks.items() if task.done() and place not in failures]
        if not opened:
            if planned.needed:
                raise _named(next(iter(failures.values())), planned.name)
            opened.append(self._absent(planned))
        for place, failure in failures.items():
            use = planned.members[place].use
            self._post_failure(planned.name, use, _named(failure, planned.name), opened[0].context.use)
            self._missing.append((planned, place))
        for place, task in tasks.items():
            if not task.done():
                self._wait_for(planned, place, task)
        for spare in opened[1:]:
            _keep_in_step(spare, opened[0])

    def _absent(self, planned: PlannedNode) -> Placeholder:
        absent = make_placeholder(planned.members[0].node)
        absent.start(Context(planned.name, self.clock, self.causes, self.bus.post, _unheard, planned.caps))
        return absent

    def _give_up(self, planned: PlannedNode, tasks: Iterable[asyncio.Task[Node[Any]]]) -> None:
        """The session is left while a node is being opened: what is open will be closed."""
        for task in tasks:
            if not task.done():
                task.cancel()
            elif _failure(task) is None:
                self._members.setdefault(planned.name, []).append(task.result())

    async def _until_one_is_open(self, tasks: Sequence[asyncio.Task[Node[Any]]], patience: int) -> None:
        """Waits for the primary for so long; then until any of them is open, or none can be."""
        waiting = set(tasks)
        await asyncio.wait(tasks[:1], timeout=patience / SECOND if len(tasks) > 1 else None)
        while (waiting := {task for task in waiting if not task.done()}) and all(
            task in waiting or _failure(task) for task in tasks
        ):
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def _wait_for(self, planned: PlannedNode, place: int, task: asyncio.Task[Node[Any]]) -> None:
        """A member that is slow to open joins when it is open; until then others do its work."""
        slow = NodeError("it is still being opened", hint="until it is, the next member does its work")
        spare = self._members[planned.name][0].context.use
        self._post_failure(planned.name, planned.members[place].use, slow, spare)
        self._slow.add(task)

        def ended(task: asyncio.Task[Node[Any]]) -> None:
            self._slow.discard(task)
            if not task.cancelled() and not self._over.done():
                self._arrived(planned, place, task)
                self._await_missing()

        task.add_done_callback(ended)

    def _arrived(self, planned: PlannedNode, place: int, task: asyncio.Task[Node[Any]]) -> Iterable[Node[Any]]:
        """A member joins if it is open now, else it is missing; gives those whose place it has taken."""
        if _failure(task) is None:
            return self._join(planned, task.result())
        self._missing.append((planned, place))
        return ()

    def _join(self, planned: PlannedNode, node: Node[Any]) -> list[Node[Any]]:
        """A member takes its place in the chain; gives those that had given it up."""
        members, place = self._members[planned.name], node.context.place
        given_up = [old for old in members if old.context.place == place or isinstance(old, Placeholder)]
        kept = [old for old in members if old not in given_up]
        self._members[planned.name] = sorted([*kept, node], key=lambda each: each.context.place)
        if self._assembly is not None:
            stage = self._built.stages[planned.name]
            _keep_in_step(node, stage.node)
            node.context.send_upstream = stage.send_upstream
            stage.join(node, instead=given_up)
        if place == 0:
            self.bus.post(NodeRecovered(self.clock.now(), planned.name, node.context.use))
        return given_up

    def _opening(self, planned: PlannedNode, place: int) -> asyncio.Task[Node[Any]]:
        opening = self._open_member(planned, place, planned.members[place])
        return asyncio.get_running_loop().create_task(opening, name=f"{planned.name} opens")

    async def _open_member(self, planned: PlannedNode, place: int, member: Member) -> Node[Any]:
        context = Context(
            planned.name,
            self.clock,
            self.causes,
            self.bus.post,
            _unheard,
            planned.caps,
            provided=self._provided,
            place=place,
            use=member.use,
        )
        node = member.node(member.params)
        if isinstance(node, Service):
            context.policy = self._policies.of_member(member)
        await open_node(node, context, self._resources, member.pool)
        return node

    # --- members that come back

    def _await_missing(self) -> None:
        """Looks again, after a while, for members that are missing."""
        if self._missing and self._revival is None and self._reviving is None and not self._over.done():
            self._revival = asyncio.get_running_loop().call_later(REOPEN_INTERVAL / SECOND, self._look_for_missing)

    def _look_for_missing(self) -> None:
        self._revival = None
        self._reviving = asyncio.get_running_loop().create_task(self._revive(), name="missing members")
        self._reviving.add_done_callback(lambda _: self._await_missing())

    async def _revive(self) -> None:
        missing, self._missing = self._missing, []
        for planned, place in missing:
            task = self._opening(planned, place)
            await asyncio.wait((task,))
            await asyncio.gather(*map(_close_node, self._arrived(planned, place, task)), return_exceptions=True)
        self._reviving = None

    def _make_server(self, stage: RunningNode) -> ServiceWorker:
        return ServiceWorker(
            stage, self._policies.of_node(self.plan.graph.path, self.plan.nodes[stage.name], self), self
        )

    # --- running

    def _start(self) -> None:
        assembly = self._built
        self._await_missing()
        for name, stage in assembly.stages.items():
            if isinstance(stage.node, Source):
                self._running_sources += 1
                self._work(name, emit(stage.node, stage), self._source_ended(stage))
        for name, inlets in assembly.pumps.items():
            self._work(name, pump(inlets, assembly.stages[name]), lambda _: None)
        for name, servers in assembly.servers.items():
            for server in servers:
                server.prefetch()
                self._work(name, server.run(), self._service_ended(assembly.stages[name]))

    def _work(self, name: str, work: Any, ended: Callable[[asyncio.Task[None]], None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._workers.append(task)
        task.add_done_callback(ended)
        task.add_done_callback(self._worker_ended)

    def _source_ended(self, stage: RunningNode) -> Callable[[asyncio.Task[None]], None]:
        def ended(task: asyncio.Task[None]) -> None:
            if self._over.done():
                return  # what is below is being ended too
            error = NodeError("its run() was cancelled from within") if task.cancelled() else task.exception()
            if error is not None:
                self._post_failure(stage.name, stage.node.context.use, contained(error), "")
            stage.end_below()
            self._running_sources -= 1
            if not self._running_sources:
                self._watch_drain(-1)

        return ended

    def _service_ended(self, stage: RunningNode) -> Callable[[asyncio.Task[None]], None]:
        return lambda _: stage.end_below()

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._over.done() and not self._is_source(task):
            self.report.error = contained(error)
            self._note(task.get_name(), "", self.report.error)
            self._end("failed")
        if all(worker.done() for worker in self._workers):
            self._end("eos")

    def _is_source(self, task: asyncio.Task[None]) -> bool:
        return isinstance(self._built.stages[task.get_name()].node, Source)

    def _watch_drain(self, before: int) -> None:
        """Gives draining up when nothing has moved for a long time."""
        if self._over.done():
            return
        moved = sum(link.passed for link in self._built.links.values())
        if moved == before:
            works = [work for servers in self._built.servers.values() for s in servers for work in s.tasks()]
            for task in works or [worker for worker in self._workers if not worker.done()]:
                self._name_stuck(task, f"has not moved for {DRAIN_STALL_TIMEOUT // SECOND} s")
            self._end("drained late")
            return
        self._drain = asyncio.get_running_loop().call_later(DRAIN_STALL_TIMEOUT / SECOND, self._watch_drain, moved)

    def _end(self, how: Ended) -> None:
        if not self._over.done():
            self._over.set_result(how)

    @property
    def _built(self) -> Wiring:
        assert self._assembly is not None
        return self._assembly

    # --- failures

    def _stage_failed(self, stage: RunningNode) -> Failed:
        def failed(error: Exception, item: Any) -> bool:
            use, place = stage.node.context.use, stage.node.context.place
            spare = stage.next_member() if isinstance(stage.node, Transform) else None
            if spare is not None:
                self._missing.append((self.plan.nodes[stage.name], place))
                self._await_missing()
            self._post_failure(stage.name, use, error, spare.context.use if spare else "")
            return spare is not None

        return failed

    def member_failed(self, stage: RunningNode, error: Exception, member: Node[Any], spare: Node[Any] | None) -> None:
        """A service's member could not do a packet; `spare` does it now, or nobody."""
        self._post_failure(stage.name, member.context.use, error, spare.context.use if spare else "")

    def member_retries(self, stage: RunningNode, error: Exception, member: Node[Any], pause: int) -> None:
        """A service's member tries again after so many nanoseconds."""
        message, _ = in_words(error)
        self.bus.post(NodeRetries(self.clock.now(), stage.name, member.context.use, classify(error), message, pause))

    def recovered(self, stage: RunningNode, member: Node[Any]) -> None:
        """A service's primary does its work again."""
        self.bus.post(NodeRecovered(self.clock.now(), stage.name, member.context.use))

    def _post_failure(self, node: str, member: str, error: BaseException, answered_by: str) -> None:
        self._note(node, member, error, answered_by)
        ends = self.plan.graph.on_error == "end" and not answered_by
        if ends and isinstance(error, Exception) and not self._over.done():
            self.report.error = error
            self._end("failed")

    def _note(self, node: str, member: str, error: BaseException, answered_by: str = "", *, post: bool = True) -> None:
        """Puts a failure into the report and on the bus."""
        message, hint = in_words(error)
        failure = NodeFailed(self.clock.now(), node, member, classify(error), message, hint, answered_by)
        self.report.add_failure(failure)
        if post:
            self.bus.post(failure)

    def _watching(self, observe: Observer) -> Observer:
        """An observer that is reported when it raises, and hurts no node."""

        def see(seen: tuple[PlannedLink, Packet]) -> tuple[()]:
            observe(*seen)
            return ()

        watch = make_dispatcher({tuple: see}, lambda error, _: self._note("observer", "", error))
        return lambda link, packet: watch((link, packet))

    def _subscriber_failed(self, error: Exception, kind: type[Event]) -> None:
        # What fails at failures is not told to itself again.
        self._note(f"subscriber to {kind.__name__}", "", error, post=kind is not NodeFailed)

    def abandoned(self, node: str, where: tuple[str, ...]) -> None:
        """A service's work did not stop, and was abandoned."""
        self.report.add_stuck(Stuck(f"{node} did not stop when it was cancelled", where=where))
        self.bus.post(Abandoned(self.clock.now(), node, where))

    # --- flush

    def _interrupt(self, origin: str, cause: Cause) -> None:
        """The start of a flush: one synchronous call; the fence is up already."""
        self._resources.scheduler.revoke(cause)
        scope = self.plan.downstream(origin)
        for link in self._built.links_into(scope):
            link.flush()
        servers: list[ServiceWorker] = []
        for name in self.plan.nodes:
            if name in scope:
                stage = self._built.stages[name]
                if isinstance(stage.node, Transform):
                    stage.node.reset()
                for server in self._built.servers.get(name, ()):
                    server.flush()
                    servers.append(server)
        self._flushes = [task for task in self._flushes if not task.done()]
        self._flushes.append(asyncio.get_running_loop().create_task(self._settle(origin, cause, servers)))

    async def _settle(self, origin: str, cause: Cause, servers: list[ServiceWorker]) -> None:
        """The stop of a flush: all are quiet, or the deadline names who is not."""
        began = self.clock.now()
        waits = [asyncio.ensure_future(server.quiet()) for server in servers]
        if waits:
            await asyncio.wait(waits, timeout=FLUSH_DEADLINE / SECOND)
        late = tuple(s.stage.name for s, wait in zip(servers, waits, strict=True) if not wait.done())
        for wait in waits:
            wait.cancel()
        self.bus.post(Flushed(self.clock.now(), origin, cause, self.clock.now() - began, late))

    # --- closing

    async def _close(self) -> None:
        """Cancels what still runs, closes the nodes, and names what does not end in time."""
        self.report.duration = self.clock.now()
        for timer in (self._drain, self._revival):
            if timer is not None:
                timer.cancel()
        tasks: list[asyncio.Task[Any]] = [*self._workers, *self._flushes]
        if self._reviving is not None:
            tasks.append(self._reviving)
        tasks += self._slow
        if self._assembly is not None:
            self.report.links = tuple(link.statistics() for link in self._assembly.links.values())
            tasks += [work for servers in self._assembly.servers.values() for s in servers for work in s.tasks()]
        try:
            await self._finish(tasks, "did not stop")
        finally:  # whoever is cancelled a second time while it waits still closes its nodes
            closing = [
                asyncio.ensure_future(_close_node(node)) for nodes in reversed(self._members.values()) for node in nodes
            ]
            await self._finish(closing, "did not close", cancel=False)
            self.bus.close()

    async def _finish(self, tasks: list[asyncio.Task[Any]], what: str, *, cancel: bool = True) -> None:
        waiting = [task for task in tasks if not task.done()]
        if not waiting:
            return
        for task in waiting if cancel else ():
            task.cancel("close")
        await asyncio.wait(waiting, timeout=CLOSE_DEADLINE / SECOND)
        for task in waiting:
            if not task.done():
                self._name_stuck(task, f"{what} in time")
                task.cancel("close")
            elif not task.cancelled() and (error := task.exception()):
                self._post_failure(task.get_name(), "", error, "")

    def _name_stuck(self, task: asyncio.Task[None], what: str) -> None:
        """WorkerListener where a task hangs, and where the thread is that computes for its node."""
        node = task.get_name().partition(" ")[0]
        stacks = {pool.stack() for member in self._members.get(node, ()) for pool in member.context.pools.values()}
        threads = (f"compute thread: {' < '.join(stack)}" for stack in sorted(stacks) if stack)
        self.report.add_stuck(Stuck(f"{task.get_name()} {what}", where=(*await_chain(task), *threads)))


def _failure(task: asyncio.Task[Node[Any]]) -> NodeError | None:
    """Why a member could not be opened; None where it is open."""
    error = NodeError("its opening was cancelled from within") if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return _as_node_error(error) if error is not None else None


def _named(failure: NodeError, node: str) -> NodeError:
    failure.node = node
    return failure


def _keep_in_step(member: Node[Any], with_: Node[Any]) -> None:
    """A member knows the conversation that it may take over."""
    if type(member.memory) is type(with_.memory):
        member.memory = with_.memory


async def _close_node(node: Node[Any]) -> None:
    task = asyncio.current_task()
    if task is not None and hasattr(node, "context"):
        task.set_name(node.context.name)
    await node.close()


def _as_node_error(error: Exception) -> NodeError:
    if isinstance(error, NodeError):
        return error
    known = NodeError(f"opening failed: {type(error).__name__}: {error}")
    known.category = classify(error)
    known.__cause__ = error
    return known


def _unheard(_: Event) -> None:
    """Upstream events before the session is assembled."""
