"""The worker of a service, or of one port of a sink: takes one packet at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pipeline.await_chain import await_chain
from pipeline.compute.scheduler import Scheduler
from pipeline.node import Service, Sink
from pipeline.packet import Packet
from pipeline.runtime.attempt import Attempt, ServiceState, handler_of
from pipeline.runtime.node_cache import Primary
from pipeline.runtime.policy_store import NodePolicy
from pipeline.runtime.report import Reporter
from pipeline.runtime.running_node import RunningNode
from pipeline.runtime.supervised_task import SupervisedTask
from pipeline.runtime.worker import Inlets, wait_room


@dataclass(frozen=True, slots=True)
class InPort:
    """An input port as its worker sees it."""

    name: str
    gated: bool


class ServiceWorker:
    """Runs a service's (or a sink port's) handlers over the packets of its inlets."""

    def __init__(self, running: RunningNode, port: str, policy: NodePolicy, reporter: Reporter) -> None:
        self.running = running
        self.port = port
        """The first port that it serves; for a sink the only one."""
        self.inlets: Inlets[InPort] = Inlets()
        self.stale = 0
        """Packets dropped here because their cause was revoked."""
        self._policy = policy
        self._reporter = reporter
        self._task = SupervisedTask(self._abandon)
        self._service = ServiceState(running, policy, reporter, self._task)
        self._packet: Packet | None = None
        """The packet in work."""
        self._reset_due = False
        self._quiet: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Takes packets until every inlet has ended, then runs `finish`."""
        while self.inlets.open:
            # Credit before pull: with no room below, the result of this work may be dropped.
            await wait_room(self.running.blocking)
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
                continue
            self._packet = packet
            try:
                await Attempt(self._service, packet, port.name).run(packet)
            finally:
                self._packet = None
                self._settle()
        await Attempt(self._service, None, self.port).finish()

    def prefetch(self, scheduler: Scheduler) -> None:
        """Lets the node's cache, where it has one, make values ahead of time with this session's primary."""
        if (cache := self._policy.cache) is not None:
            cache.join(self._primary, scheduler)

    def close(self) -> None:
        """The session ends: nothing is made ahead any more."""
        if (cache := self._policy.cache) is not None:
            cache.leave(self._primary)

    def _primary(self) -> Primary | None:
        member = self.running.active
        if member.place or not member.use or not isinstance(node := member.node, Service):
            return None  # a fallback or a placeholder, whose outputs are not cached
        return node, lambda packet: handler_of(node, self.port, packet)(packet)

    # --- flush

    def flush(self) -> None:
        """The start of a flush: cancels work on a revoked cause; the state is replaced when it has stopped."""
        work = self._task.task
        if work is None:
            self._reset()
            return
        self._reset_due = True
        if self._packet is not None and self._packet.is_stale and work is not asyncio.current_task():
            self._task.cancel("flush")

    async def quiet(self) -> None:
        """Returns when nothing of a revoked cause is in work."""
        while (packet := self._packet) is not None and packet.is_stale:
            waiter = asyncio.get_running_loop().create_future()
            self._quiet.append(waiter)
            await waiter

    def tasks(self) -> list[asyncio.Task[None]]:
        """The task in work, and abandoned ones that may still run."""
        return self._task.tasks()

    def _settle(self) -> None:
        if self._reset_due:
            self._reset()
        quiet, self._quiet = self._quiet, []
        for waiter in quiet:
            if not waiter.done():
                waiter.set_result(None)

    def _reset(self) -> None:
        self._reset_due = False
        if isinstance(self.running.node, Sink):
            return  # its ports run side by side: the state that another port works with is not taken away
        for member in self.running.members:
            member.node.reset()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        self._reporter.abandoned(self.running.name, await_chain(task))
        self.running.renew()
