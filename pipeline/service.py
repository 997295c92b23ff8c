"""The worker of a service, or of one port of a sink: one packet at a time, each in an inner task.

The inner task is what a flush cancels; the worker itself is never captive: what does not
stop is cancelled once more, then abandoned and named, and the node goes on with a fresh
instance. The fence before each push is what makes a flush sound; cancelling makes it prompt.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pipeline.await_chain import await_chain
from pipeline.errors import NodeError
from pipeline.node import Node, Service, Sink
from pipeline.packet import SECOND, Packet
from pipeline.stage import Stage
from pipeline.worker import Inlets, wait_room

PATIENCE = SECOND // 2
"""Nanoseconds that a cancelled packet's work may take to stop."""


@dataclass(frozen=True, slots=True)
class InPort:
    """An input port as its worker sees it."""

    name: str
    gated: bool


class Server:
    """Runs a service's (or a sink port's) handlers over what its inlets hold."""

    def __init__(
        self,
        stage: Stage,
        *,
        failed: Callable[[Exception, Packet | None, Node[Any], Node[Any] | None], None],
        abandoned: Callable[[str, tuple[str, ...]], None],
    ) -> None:
        self.stage = stage
        self.inlets: Inlets[InPort] = Inlets()
        self.port = ""
        """The first port that it serves; the only one where it serves a sink."""
        self.stale = 0
        """Packets dropped here because their cause was dead."""
        self._failed = failed
        self._abandoned = abandoned
        self._packet: Packet | None = None
        self._work: asyncio.Task[None] | None = None
        self._done: asyncio.Future[None] | None = None
        self._produced = False
        self._reset_due = False
        self._quiet: list[asyncio.Future[None]] = []
        self._left: list[asyncio.Task[None]] = []

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
                await packet.at.cause.decision()
            if packet.dead:
                self.stale += 1
            else:
                await self._do(packet, port.name)
        await self._do(None, "")

    async def _do(self, packet: Packet | None, port: str) -> None:
        for member, spare in zip(self.stage.members, [*self.stage.members[1:], None], strict=True):
            error = await self._attempt(member, packet, port)
            if error is None:
                break
            if self._produced or (packet is not None and packet.dead):
                spare = None
            self._failed(error, packet, member, spare)
            if spare is None:
                break

    async def _attempt(self, member: Node[Any], packet: Packet | None, port: str) -> Exception | None:
        """Lets one member do the packet; what it raised, or None."""
        loop = asyncio.get_running_loop()
        self._packet, self._produced = packet, False
        self._done = done = loop.create_future()
        name = f"{self.stage.name} {type(packet).__name__ if packet else 'finish'}"
        self._work = work = loop.create_task(self._serve(member, packet, port), name=name)
        work.add_done_callback(self._finished)
        try:
            await done  # not the task itself: that would confuse its cancellation with ours
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            self._packet = self._work = self._done = None
            self._confirm()
        return _outcome(work, packet)

    async def _serve(self, member: Node[Any], packet: Packet | None, port: str) -> None:
        if packet is not None:
            outputs = _handler(member, port, packet)(packet)
        else:
            outputs = member.finish() if isinstance(member, Service) else None
        if inspect.isawaitable(outputs):
            outputs = await outputs
        if hasattr(outputs, "aclose"):
            async with aclosing(outputs):
                await self._push_all(outputs, packet)
        elif outputs is not None:
            raise NodeError(
                f"its handler returned a {type(outputs).__name__}, which goes nowhere",
                hint="`yield` each output, in an `async def`",
            )

    async def _push_all(self, outputs: AsyncIterator[Any], packet: Packet | None) -> None:
        me = asyncio.current_task()
        gates, routes = self.stage.gates, self.stage.routes
        async for output in outputs:
            is_packet = isinstance(output, Packet)
            if is_packet:
                await wait_room(gates)
            if me is not self._work or (is_packet and output.dead):
                return  # abandoned, or flushed while it waited
            self._produced |= is_packet
            routes[output.__class__](output)

    def _finished(self, work: asyncio.Task[None]) -> None:
        if work is self._work and self._done is not None and not self._done.done():
            self._done.set_result(None)
        elif not work.cancelled():
            work.exception()  # of an abandoned task: nobody waits for it any more

    def flush(self) -> None:
        """The start of a flush: stops work on a dead cause; the state is new when it has stopped."""
        packet, work = self._packet, self._work
        if work is None:
            self._reset()
            return
        self._reset_due = True
        if packet is None or not packet.dead or work is asyncio.current_task():
            return
        work.cancel("flush")
        loop = asyncio.get_running_loop()
        loop.call_later(PATIENCE / 2 / SECOND, lambda: work.cancel("flush"))
        loop.call_later(PATIENCE / SECOND, self._abandon, work)

    def _abandon(self, work: asyncio.Task[None]) -> None:
        if work is not self._work or work.done() or self._done is None or self._done.done():
            return
        self._abandoned(self.stage.name, await_chain(work))
        self._left = [*(left for left in self._left if not left.done()), work]
        self.stage.renew()
        self._work = None
        self._done.set_result(None)

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
        while (packet := self._packet) is not None and packet.dead:
            waiter = asyncio.get_running_loop().create_future()
            self._quiet.append(waiter)
            await waiter

    def tasks(self) -> list[asyncio.Task[None]]:
        """What it is at work with, and what was abandoned and may still run."""
        return [work for work in (*self._left, self._work) if work is not None and not work.done()]


def _outcome(work: asyncio.Task[None], packet: Packet | None) -> Exception | None:
    """What a packet's work raised, if it has ended."""
    if not work.done():
        return None  # abandoned
    if work.cancelled():
        if packet is not None and packet.dead:
            return None  # by the flush
        return NodeError("its work was cancelled from within", hint="what it waited for was cancelled by somebody else")
    error = work.exception()
    return contained(error) if error is not None else None


def contained(error: BaseException) -> Exception:
    """An ordinary exception of whatever a node raised: a Rust panic is none."""
    return error if isinstance(error, Exception) else NodeError(f"raised {error!r}")


def _handler(member: Node[Any], port: str, packet: Packet) -> Callable[[Any], Any]:
    handlers = member.handlers[port]
    handler = next(handlers[base] for base in type(packet).__mro__ if base in handlers)
    method: Callable[[Any], Any] = handler.__get__(member)
    return method
