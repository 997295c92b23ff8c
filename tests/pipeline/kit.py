"""Small kinds, nodes and graphs for tests of the engine."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pipeline.cause import Cause
from pipeline.compute.executor import Executor
from pipeline.errors import Location
from pipeline.graph.graph import BudgetSpec, Graph, LinkSpec, Member, NodeSpec, OnError, QueueSpec
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.graph.tree import Map
from pipeline.node import Node, Service, Sink, Source, Transform
from pipeline.packet import Event, Full, Packet, Queue, Stamp
from pipeline.params import NoParams, ms
from pipeline.policies.spec import DeadlineSpec, RetrySpec
from pipeline.port import Input, Output
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import Observer, SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import root_stamp
from pipeline.testing.leaks import share

THREADS = share(Executor(1))
HERE = Location("graph.yaml", 1, 1)
NO_POLICIES = (DeadlineSpec(first=None, stall=None, total=None), RetrySpec(attempts=0))
"""What these tests are about is what the engine does without its policies."""
NO_BUDGET = BudgetSpec()


class Item(Packet, frozen=True):
    """What may not be dropped."""

    number: int = 0


class Loose(Item, frozen=True):
    """What a full queue may drop."""

    droppable: ClassVar[bool] = True


class Lasting(Item, frozen=True):
    """What outlives its committed cause."""

    survives_flush: ClassVar[bool] = True


class News(Event, frozen=True):
    """An upstream event."""

    number: int = 0


def items(numbers: Iterable[int], kind: type[Item] = Item) -> list[Item]:
    """One item of 20 ms each, by number."""
    return [kind(root_stamp(n * ms(20), ms(20)), n) for n in numbers]


def of(cause: Cause, number: int = 0, kind: type[Item] = Item, duration: int = ms(20)) -> Item:
    """An item of a cause."""
    return kind(Stamp(number * ms(20), duration, cause), number)


def numbers(packets: Iterable[Any]) -> list[int]:
    """Which items they are."""
    return [packet.number for packet in packets]


def source(given: Iterable[Packet], *, every: int = 0, live: bool = False) -> type[Source[NoParams]]:
    """A source class that gives these, one every so many nanoseconds."""
    items, is_live = list(given), live

    class Giver(Source[NoParams]):
        out = Output(*dict.fromkeys(type(item) for item in items) or (Item,))
        live = is_live

        async def run(self) -> AsyncIterator[Packet]:
            for n, item in enumerate(items):
                await self.clock.sleep_until(n * every)
                yield item

    return Giver


class Tap:
    """A source that gives what a test puts in, until it is shut."""

    def __init__(self, *kinds: type[Packet]) -> None:
        self._kinds = kinds or (Item, Loose, Lasting)
        self._items: deque[Packet] = deque()
        self._open = True
        self._sleep: asyncio.Future[None] | None = None

    def put(self, *packets: Packet) -> None:
        """Gives these."""
        self._items.extend(packets)
        self._wake()

    def shut(self) -> None:
        """Ends the stream."""
        self._open = False
        self._wake()

    def _wake(self) -> None:
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    def node(self) -> type[Source[NoParams]]:
        """Its class."""
        tap = self

        class TapSource(Source[NoParams]):
            out = Output(*tap._kinds)

            async def run(self) -> AsyncIterator[Packet]:
                while tap._items or tap._open:
                    while tap._items:
                        yield tap._items.popleft()
                    if tap._open:
                        tap._sleep = asyncio.get_running_loop().create_future()
                        await tap._sleep

        return TapSource


def sink(into: list[Any], *, takes: int = 0) -> type[Sink[NoParams]]:
    """A sink class that keeps everything, taking so many nanoseconds for each."""

    class Keeper(Sink[NoParams]):
        into_ = Input(Packet)

        @into_.each
        async def keep(self, packet: Packet) -> None:
            if takes:
                await self.clock.sleep(takes)
                if packet.is_stale:
                    return
            into.append(packet)

    return Keeper


class Pass(Transform[NoParams]):
    """Gives what it takes."""

    into = Input(Item)
    out = Output(Item, Loose, Lasting)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same."""
        return (item,)


class Serve(Service[NoParams]):
    """Gives what it takes, as a service."""

    into = Input(Item)
    out = Output(Item, Loose, Lasting)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same."""
        yield item


class NoConverters(Registry):
    """Knows no converter."""

    def converter(self, constraint: str) -> tuple[str, type[Node[Any]]] | None:
        """None."""
        return None


Written = type[Node[Any]] | Member | Sequence[type[Node[Any]] | Member]


def member(node: type[Node[Any]], use: str = "", **settings: Any) -> Member:
    """A class with its settings."""
    return Member(use or node.__name__, node, node.params_type(**settings), HERE, *NO_POLICIES)


def queue(count: int | None = None, full: Full | None = None, time: int | None = None) -> QueueSpec:
    """What a graph says of a queue."""
    return QueueSpec(time=time, count=count, full=full)


def graph(
    nodes: Mapping[str, Written],
    *links: str | tuple[str, QueueSpec],
    on_error: OnError = "degrade",
    budget: BudgetSpec = NO_BUDGET,
) -> Graph:
    """A graph without YAML; a link is a chain, or a chain and the queue of its links."""
    specs = {}
    for name, written in nodes.items():
        several = written if isinstance(written, Sequence) else [written]
        members = tuple(each if isinstance(each, Member) else member(each) for each in several)
        specs[name] = NodeSpec(name, members, "", HERE)
    return Graph(Path("graph.yaml"), "", {}, specs, tuple(_links(links)), budget, on_error, Map({}, HERE))


def _links(links: Iterable[str | tuple[str, QueueSpec]]) -> Iterable[LinkSpec]:
    for chain, queued in ((link, None) if isinstance(link, str) else link for link in links):
        ends = [end.strip().partition(".") for end in chain.split("->")]
        for (source, _, out), (target, _, into) in itertools.pairwise(ends):
            yield LinkSpec(source, out, target, into, queued, HERE)


def planned(
    nodes: Mapping[str, Written],
    *links: str | tuple[str, QueueSpec],
    on_error: OnError = "degrade",
    budget: BudgetSpec = NO_BUDGET,
) -> Plan:
    """The plan of such a graph."""
    return plan(graph(nodes, *links, on_error=on_error, budget=budget), NoConverters())


def make_runner(*, start_within: int | None = None) -> Runner:
    """A runner for the running loop, on the threads that all tests share."""
    runner = Runner(executor=THREADS, start_within=start_within)
    runner.policies = PolicyStore(Random(0))
    return runner


Drive = Callable[[Session], Awaitable[None]]


def run(
    made: Plan,
    drive: Drive | None = None,
    observe: Observer | None = None,
    prepare: Callable[[Session], object] = lambda _: None,
    *,
    start_within: int | None = None,
) -> SessionReport:
    """Runs a session to its end in virtual time: `prepare` before it, `drive` beside it once it is open."""

    async def driven(session: Session) -> None:
        for _ in range(100):
            if not session.is_open:
                await settle(1)
        while not session.is_open:  # a member opens slowly: time has to pass
            await session.clock.sleep(ms(1))
        if drive is not None:
            await drive(session)

    async def main() -> SessionReport:
        session = make_runner(start_within=start_within).session(made, observe)
        prepare(session)
        driving = asyncio.ensure_future(driven(session)) if drive is not None else None
        report = await session.run()
        if driving is not None:
            await driving
        return report

    return run_virtual(main())


def bounds(count: int, full: Full = "block", time: int = 1 << 60) -> Queue:
    """The bounds of a link."""
    return Queue(time, count, full)


async def settle(rounds: int = 10) -> None:
    """Lets whatever is ready run."""
    loop = asyncio.get_running_loop()
    for _ in range(rounds):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
