"""Sessions with one service, for tests of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pipeline.events import Abandoned, Flushed
from pipeline.node import Node, Service
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output
from pipeline.runtime.report import SessionReport
from pipeline.runtime.session import Session
from tests.pipeline.kit import (
    Item,
    Lasting,
    Tap,
    Written,
    of,
    planned,
    queue,
    run,
    sink,
)

Body = Callable[[Any, Item], AsyncIterator[Any]]


def service(body: Body) -> type[Service[NoParams]]:
    """A service class with this handler."""

    class Made(Service[NoParams]):
        into = Input(Item)
        out = Output(Item, Lasting)

        @dataclass(slots=True)
        class State:
            seen: int = 0

        state: State

        @into.each
        async def handle(self, item: Item) -> AsyncIterator[Item]:
            self.state.seen += 1
            outputs = body(self, item)
            try:
                async for output in outputs:
                    yield output
            finally:
                await outputs.aclose()  # type: ignore[attr-defined]

    return Made


@dataclass
class Ended:
    """How a session with one service went."""

    report: SessionReport
    packets: list[Item]
    stopped: list[Flushed]
    abandoned: list[Abandoned]


Play = Callable[[Session, Tap], Awaitable[None]]


def play(node: Written, play: Play, *, takes: int = 0, count: int = 64) -> Ended:
    """Runs a tap, the service and a sink; `play` drives it."""
    tap = Tap()
    out: list[Item] = []
    stopped: list[Flushed] = []
    abandoned: list[Abandoned] = []
    nodes: dict[str, Written] = {"tap": tap.node(), "node": node, "end": sink(out, takes=takes)}

    async def drive(session: Session) -> None:
        session.bus.of(Flushed).subscribe(stopped.append)
        session.bus.of(Abandoned).subscribe(abandoned.append)
        await play(session, tap)
        tap.shut()
        await session.clock.sleep_until(seconds(6))  # what hangs in a test ends some time

    report = run(planned(nodes, "tap -> node", ("node -> end", queue(count))), drive)
    return Ended(report, out, stopped, abandoned)


def interrupted(node: Written, *, takes: int = 0, count: int = 64) -> Ended:
    """One packet of a turn that is called off in the middle; then one of the next turn."""

    async def script(session: Session, tap: Tap) -> None:
        first, second = session.causes.begin("first"), session.causes.begin("second")
        session.causes.commit(second)
        session.causes.commit(first)
        tap.put(of(first, 1))
        await session.clock.sleep(ms(15))
        session.causes.revoke(first, "tap")
        tap.put(of(second, 2))
        await session.clock.sleep(seconds(2))

    return play(node, script, takes=takes, count=count)


async def nap(self: Node[Any], duration: int, *, swallow: bool) -> None:
    """Sleeps, and if it swallows cancellations, sleeps on."""
    until = self.clock.now() + duration
    while self.clock.now() < until:
        try:
            await self.clock.sleep_until(until)
        except asyncio.CancelledError:
            if not swallow:
                raise


async def talk(self: Node[Any], item: Item) -> AsyncIterator[Item]:
    """Ten outputs, one every 10 ms."""
    for n in range(10):
        await self.clock.sleep(ms(10))
        yield Item(item.at, item.number * 100 + n)


SECOND_TURN = [200 + n for n in range(10)]
