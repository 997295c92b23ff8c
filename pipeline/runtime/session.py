"""A session: one running plan, such as a call or a replay.

It opens the nodes, runs the workers until everything has drained, flushes when a cause is
revoked, and closes in bounded time: what does not end is named, with where it hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.resources import Resources
from pipeline.errors import NodeError
from pipeline.events import Flushed
from pipeline.graph.plan import Plan
from pipeline.node import Node, Source, Transform
from pipeline.packet import SECOND, Stamp
from pipeline.runtime.attempt import contained
from pipeline.runtime.bus import Bus
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import Ended, Observer, Reporter, SessionReport
from pipeline.runtime.roster import Host, Roster, close_node
from pipeline.runtime.running_node import Failed, RunningNode
from pipeline.runtime.service_worker import ServiceWorker
from pipeline.runtime.supervised_task import CANCEL_GRACE
from pipeline.runtime.wiring import Wiring, wire
from pipeline.runtime.worker import emit, pump

FLUSH_DEADLINE = 2 * CANCEL_GRACE
CLOSE_DEADLINE = 2 * SECOND
"""Nanoseconds for each of the two phases of closing: the workers stop, then the nodes close."""
STOP_DEADLINE = 2 * CLOSE_DEADLINE
"""Nanoseconds from the end of a session (`stop`, or its cancellation) until `run` is over, however much hangs."""
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
        name: str = "",
    ) -> None:
        self.plan = plan
        self.clock = Clock(asyncio.get_running_loop())
        self.causes = Causes()
        self.causes.interrupt = self._interrupt
        self.bus = Bus(lambda error, kind: self._reporter.subscriber_failed(error, kind), self.clock)
        self.report = SessionReport()
        self._wiring: Wiring | None = None
        self.tasks: list[asyncio.Task[None]] = []
        """The workers, each named for its node. For tests and tools."""
        self._reporter = Reporter(self.report, self.bus, self.clock, self._unanswered)
        self._resources = resources
        self._policies = policies or PolicyStore()
        self._observe = self._reporter.reporting(observe) if observe is not None else None
        self._roster = Roster(
            Host(
                plan, self.clock, self.causes, self.bus.post, self._reporter, resources, self._policies, provide,
                start_within, name,
            )
        )  # fmt: skip
        self._flushes: list[asyncio.Task[None]] = []
        self._over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._running_sources = 0
        self._drain: asyncio.TimerHandle | None = None

    async def run(self) -> SessionReport:
        """Runs until every sink has seen the end, `stop`, or a failure that ends it.

        Raises NodeError where a node cannot be opened; whatever was opened is closed.
        """
        context = JOB_CONTEXT.set(JobContext(session=self))  # inherited by every task of the session
        try:
            await self._roster.open()
            self._wiring = wiring = self._wire()
            self._roster.attach(wiring)
            self.clock.restart()
            self._start(wiring)
            self.report.ended = await self._over
        finally:
            await self._close()
            JOB_CONTEXT.reset(context)
        return self.report

    def node(self, name: str) -> Node[Any]:
        """The instance of a node's active member, once the session is open. For tests and tools."""
        return self.wiring.nodes[name].node

    def lag(self) -> int:
        """Nanoseconds that a packet has waited, at most, for a service with room below it."""
        return self._wiring.lag() if self._wiring is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether every node has been opened, and `wiring` is there."""
        return self._wiring is not None

    @property
    def wiring(self) -> Wiring:
        """The running nodes, links and workers. For tests and tools; once the session is open."""
        assert self._wiring is not None, "the session is not open yet"
        return self._wiring

    @property
    def over(self) -> bool:
        """Whether it has ended, or is ending."""
        return self._over.done()

    def stop(self) -> None:
        """Ends the session soon, keeping what came out so far."""
        self._end("stopped")

    # --- running

    def _wire(self) -> Wiring:
        wiring = wire(
            self.plan,
            self._roster.members,
            root=Stamp(0, 0, self.causes.root),
            clock=self.clock,
            make_worker=self._make_worker,
            post=self.bus.post,
            observe=self._observe,
        )
        for running in wiring.nodes.values():
            running.failed = self._failed_at(running)
        return wiring

    def _make_worker(self, running: RunningNode, port: str) -> ServiceWorker:
        policy = self._policies.of_node(self.plan.graph.path, self.plan.nodes[running.name], self)
        return ServiceWorker(running, port, policy, self._reporter)

    def _start(self, wiring: Wiring) -> None:
        for running in wiring.nodes.values():
            running.begin()
        for name, running in wiring.nodes.items():
            if isinstance(running.node, Source):
                self._running_sources += 1
                self._work(name, emit(running.node, running), self._source_ended(running))
        for name, inlets in wiring.pumps.items():
            self._work(name, pump(inlets, wiring.nodes[name]), lambda _: None)
        for name, workers in wiring.workers.items():
            for worker in workers:
                worker.prefetch(self._resources.scheduler)
                self._work(name, worker.run(), self._service_ended(wiring.nodes[name]))

    def _work(self, name: str, work: Coroutine[Any, Any, None], ended: Callable[[asyncio.Task[None]], None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        task.add_done_callback(ended)
        task.add_done_callback(self._worker_ended)

    def _source_ended(self, running: RunningNode) -> Callable[[asyncio.Task[None]], None]:
        def ended(task: asyncio.Task[None]) -> None:
            if self._over.done():
                return  # what is below is being ended too
            error = NodeError("its run() was cancelled from within") if task.cancelled() else task.exception()
            if error is not None:
                self._reporter.failed(running.name, running.active.use, contained(error))
            running.end_below()
            self._running_sources -= 1
            if not self._running_sources:
                self._watch_drain(-1)

        return ended

    def _service_ended(self, running: RunningNode) -> Callable[[asyncio.Task[None]], None]:
        return lambda _: running.end_below()

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        is_source = isinstance(self.wiring.nodes[task.get_name()].node, Source)
        if error is not None and not self._over.done() and not is_source:
            self.report.error = contained(error)
            self._reporter.note(task.get_name(), "", self.report.error)
            self._end("failed")
        if all(worker.done() for worker in self.tasks):
            self._end("eos")

    def _watch_drain(self, before: int) -> None:
        """Gives draining up when nothing has moved for a long time."""
        if self._over.done():
            return
        moved = sum(link.passed for link in self.wiring.links.values())
        if moved == before:
            works = [work for worker in self.wiring.all_workers() for work in worker.tasks()]
            for task in works or [worker for worker in self.tasks if not worker.done()]:
                self._report_stuck(task, f"has not moved for {DRAIN_STALL_TIMEOUT // SECOND} s")
            self._end("drained late")
            return
        self._drain = asyncio.get_running_loop().call_later(DRAIN_STALL_TIMEOUT / SECOND, self._watch_drain, moved)

    def _end(self, how: Ended) -> None:
        if not self._over.done():
            self._over.set_result(how)

    # --- failures

    def _failed_at(self, running: RunningNode) -> Failed:
        """A transform that fails gives its place to its next member, or nobody answers."""

        def failed(error: Exception, item: Any) -> bool:
            member = running.active
            fallback = running.drop_active() if isinstance(running.node, Transform) else None
            if fallback is not None:
                self._roster.give_up(member, running.name)
            use, rung = (fallback.use, fallback.place) if fallback else ("", 0)
            self._reporter.failed(running.name, member.use, error, use, rung)
            return fallback is not None

        return failed

    def _unanswered(self, error: Exception) -> None:
        if self.plan.graph.on_error == "end" and not self._over.done():
            self.report.error = error
            self._end("failed")

    # --- flush

    def _interrupt(self, origin: str, cause: Cause) -> None:
        """The start of a flush: one synchronous call; the fence is up already."""
        self._resources.scheduler.revoke(cause)
        workers = self.wiring.flush(self.plan.downstream(origin))
        self._flushes = [task for task in self._flushes if not task.done()]
        self._flushes.append(asyncio.get_running_loop().create_task(self._settle(origin, cause, workers)))

    async def _settle(self, origin: str, cause: Cause, workers: list[ServiceWorker]) -> None:
        """The stop of a flush: all are quiet, or the deadline names those that are not."""
        began = self.clock.now()
        waits = [asyncio.ensure_future(worker.quiet()) for worker in workers]
        if waits:
            await asyncio.wait(waits, timeout=FLUSH_DEADLINE / SECOND)
        late = tuple(each.running.name for each, wait in zip(workers, waits, strict=True) if not wait.done())
        for wait in waits:
            wait.cancel()
        self.bus.post(Flushed(self.clock.now(), origin, cause, self.clock.now() - began, late))

    # --- closing

    async def _close(self) -> None:
        """Cancels what still runs, closes the nodes, and names what does not end in time."""
        self.report.duration = self.clock.now()
        if self._drain is not None:
            self._drain.cancel()
        tasks: list[asyncio.Task[Any]] = [*self.tasks, *self._flushes, *self._roster.stop()]
        if self._wiring is not None:
            self.report.links = tuple(link.statistics() for link in self._wiring.links.values())
            for worker in self._wiring.all_workers():
                worker.close()
                tasks += worker.tasks()
        try:
            await self._finish(tasks, "did not stop")
        finally:  # a second cancellation during the wait still closes the nodes
            closing = [asyncio.ensure_future(close_node(node)) for node in self._roster.nodes()]
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
                self._report_stuck(task, f"{what} in time")
                task.cancel("close")
            elif not task.cancelled() and (error := task.exception()):
                self._reporter.failed(task.get_name(), "", error)

    def _report_stuck(self, task: asyncio.Task[Any], what: str) -> None:
        self._reporter.stuck(task, what, self._roster.stacks(task.get_name().partition(" ")[0]))
