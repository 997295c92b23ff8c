"""Workers: the tasks of a session. Each is the head of a segment of fused nodes.

A head takes the next packet only when every blocking link below has room (credit before pull);
the packet then runs through all fused nodes at once. It handles at most 32 packets before other
tasks get their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from pipeline.clock import give_way
from pipeline.node import Source
from pipeline.packet import Packet
from pipeline.runtime.dispatch import Push
from pipeline.runtime.link import Link
from pipeline.runtime.running_node import EndOfStream, RunningNode

T = TypeVar("T")

YIELD_AFTER = 32
"""Packets that a worker may handle before it yields to other tasks: 0.1-0.2 ms of work."""
_UNTIL_YIELD = range(YIELD_AFTER)


class Inlets(Generic[T]):
    """The queued links into one worker, taken in turn, with one wake-up for all."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.entries: list[T] = []
        self.open = 0
        """Links that have not ended."""
        self._turn = 0
        self._loop = asyncio.get_running_loop()

    def add(self, link: Link, entry: T) -> None:
        """Adds a link, and what takes its packets."""
        self.links.append(link)
        self.entries.append(entry)
        self.open += 1

    def take(self) -> tuple[Packet, T] | None:
        """The next packet and who handles it, or None when all are empty."""
        links = self.links
        for _ in links:
            index = self._turn
            self._turn = (index + 1) % len(links)
            packet = links[index].take()
            if packet.__class__ is EndOfStream:
                links[index].passed -= 1  # the end of the stream is not counted
                self.open -= 1
            elif packet is not None:
                return packet, self.entries[index]
        return None

    def filled(self) -> asyncio.Future[None]:
        """Done when there may be something to take; call it when all are empty."""
        sleep = self._loop.create_future()
        for link in self.links:
            link.getter = sleep
        return sleep


async def wait_room(blocking: Sequence[Link]) -> None:
    """Returns when every link has room at the same moment."""
    while True:
        for below in blocking:
            if below.full:
                await below.wait_room()
                break  # other tasks ran meanwhile: check all of them again
        else:
            return


async def pump(inlets: Inlets[Push], running: RunningNode) -> None:
    """The head of a segment whose first node is a transform behind queues."""
    if len(inlets.links) == 1:
        await _pump_one(inlets.links[0], inlets.entries[0], running.blocking)
    else:
        await _pump_many(inlets, running.blocking)
    for _ in inlets.links:
        running.end()


async def _pump_one(link: Link, push: Push, blocking: Sequence[Link]) -> None:
    take, create_future = link.take, asyncio.get_running_loop().create_future
    while True:
        for _ in _UNTIL_YIELD:
            for below in blocking:
                if below.full:
                    await wait_room(blocking)
                    break
            packet = take()
            if packet is None:
                link.getter = sleep = create_future()
                await sleep
            elif packet.__class__ is EndOfStream:
                link.passed -= 1
                return
            else:
                push(packet)
        await give_way()


async def _pump_many(inlets: Inlets[Push], blocking: Sequence[Link]) -> None:
    while inlets.open:
        for _ in _UNTIL_YIELD:
            await wait_room(blocking)
            taken = inlets.take()
            if taken is not None:
                taken[1](taken[0])
            elif inlets.open:
                await inlets.filled()
        await give_way()


async def emit(node: Source[Any], running: RunningNode) -> None:
    """The head of a segment whose first node is a source.

    A live source drops a droppable packet that finds a full queue, before any work; other packets wait for room.
    """
    left = YIELD_AFTER
    blocking = running.blocking
    routes = running.routes
    run: Any = node.run()  # an async generator, if its author has read the docs
    # Closed here: cancelled between two packets, the generator would be left to the garbage collector.
    async with aclosing(run) as packets:
        async for packet in packets:
            if blocking and any(below.full for below in blocking):
                if node.live and packet.droppable:
                    for below in blocking:
                        below.dropped += below.full
                    continue
                await wait_room(blocking)
            routes[packet.__class__](packet)
            left -= 1
            if not left:
                left = YIELD_AFTER
                await give_way()
