"""What the members of a node share, who hears upstream events, and failures beyond the ordinary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.graph.graph import OnError
from pipeline.node import Node, Service, Sink, Source, Transform
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output, Receives, Sends
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import (
    Item,
    News,
    Pass,
    Serve,
    Tap,
    Written,
    items,
    make_runner,
    numbers,
    of,
    planned,
    queue,
    run,
    sink,
    source,
)


@dataclass(slots=True)
class History:
    """What was said."""

    said: list[int] = field(default_factory=list)


class Talks(Service[NoParams]):
    """Remembers what it was told, and fails at two."""

    into = Input(Item)
    out = Output(Item)
    Memory = History
    memory: History

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """How much it knows."""
        self.memory.said.append(item.number)
        if item.number == 2:
            raise OSError("two")
        yield Item(item.at, len(self.memory.said))


class AlsoTalks(Talks):
    """The fallback, with the same kind of memory."""

    @Talks.into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """How much it knows, tenfold."""
        yield Item(item.at, 10 * len(self.memory.said))


class Stranger(AlsoTalks):
    """A fallback with a memory of its own kind."""

    @dataclass(slots=True)
    class Memory(History):
        """Another."""


@pytest.mark.parametrize(("fallback", "knows"), [(AlsoTalks, 20), (Stranger, 0)])
def test_fallback_shares_the_memory_if_its_class_is_the_same(fallback: type[Talks], knows: int) -> None:
    """The second voice does not begin with "hello" again; what it cannot understand it is not given."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2, 3])), "b": [Talks, fallback], "c": sink(heard)}
    run(planned(nodes, "a -> b -> c"))
    assert numbers(heard) == [1, knows, 3]


def test_transform_fallback_shares_the_memory() -> None:
    """It goes on for good, so it must know how far things were."""

    class Counts(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)
        Memory = History
        memory: History

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            if item.number == 2 and type(self) is Counts:
                raise OSError("two")
            self.memory.said.append(item.number)
            return (Item(item.at, len(self.memory.said)),)

    class Also(Counts):
        pass

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2, 3])), "b": [Counts, Also], "c": sink(heard)}
    run(planned(nodes, "a -> b -> c"))
    assert numbers(heard) == [1, 2, 3]


@given(st.sets(st.integers(1, 8)), st.sets(st.integers(1, 8)))
def test_transform_fallback_gets_the_failed_packet(first: set[int], second: set[int]) -> None:
    """Else the first word of an answer is missing, or the packet in which somebody began to speak."""

    class Fails(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)
        at: ClassVar[set[int]] = first

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            if item.number in self.at:
                raise ValueError(item.number)
            return (item,)

    class FailsToo(Fails):
        at = second

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items(range(1, 9))), "b": [Fails, FailsToo], "c": sink(heard)}
    run(planned(nodes, "a -> b -> c"))
    taken_over = min(first, default=9)
    assert numbers(heard) == [number for number in range(1, 9) if number < taken_over or number not in second]


def test_node_memory_survives_a_flush_and_an_abandoned_instance() -> None:
    """Whoever is interrupted is not forgotten."""
    tap = Tap()
    heard: list[Item] = []

    class Hangs(Talks):
        @Talks.into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            self.memory.said.append(item.number)
            until = self.clock.now() + (seconds(3) if item.number == 1 else 0)
            while self.clock.now() < until:
                try:
                    await self.clock.sleep_until(until)
                except asyncio.CancelledError:
                    continue
            yield Item(item.at, len(self.memory.said))

    async def drive(session: Session) -> None:
        turn = session.causes.begin("turn")
        tap.put(of(turn, 1))
        await session.clock.sleep(ms(1))
        session.causes.revoke(turn, "tap")
        tap.put(*items([2]))
        await session.clock.sleep(seconds(5))
        tap.shut()

    run(planned({"tap": tap.node(), "b": Hangs, "c": sink(heard)}, "tap -> b -> c"), drive)
    assert numbers(heard) == [2]


# --- upstream events


def test_upstream_event_is_posted_on_the_bus_once() -> None:
    """Metrics hear of what was played, though nobody above wants to know, or three do."""

    class Plays(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def play(self, item: Item) -> AsyncIterator[News]:
            yield News(item.number)

    class Hears(Pass):
        into = Input(Item)
        news = Receives(News)

        @news.each
        def note(self, event: News) -> None:
            told.append(event.number)

    told: list[int] = []
    posted: list[News] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2])), "b": Hears, "c": Hears, "d": Hears, "end": Plays}
    for links, receivers in ((["a -> end"], 0), (["a -> b", "b.out -> c", "c.out -> d", "d.out -> end"], 3)):
        used = {name: node for name, node in nodes.items() if receivers or name in ("a", "end")}
        posted.clear()
        told.clear()
        run(planned(used, *links), prepare=lambda session: session.bus.of(News).subscribe(posted.append))
        assert numbers(posted) == [1, 2]
        assert told == [1] * receivers + [2] * receivers


# --- failures beyond the ordinary


class Panic(BaseException):
    """As raised by a library in Rust: no Exception."""


class PanickingTransform(Pass):
    """Panics."""

    into = Input(Item)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """Never."""
        raise Panic("transform")


class PanickingService(Serve):
    """Panics."""

    into = Input(Item)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """Never."""
        raise Panic("service")
        yield item


class PanickingSource(Source[NoParams]):
    """Panics."""

    out = Output(Item)

    async def run(self) -> AsyncIterator[Item]:
        """Never."""
        await self.clock.sleep(1)
        raise Panic("source")
        yield items([1])[0]


@pytest.mark.parametrize("on_error", ["degrade", "end"])
@pytest.mark.parametrize("node", [PanickingTransform, PanickingService, PanickingSource])
def test_node_panic_is_reported_once_and_ends_the_session_if_it_must(node: type[Node[Any]], on_error: OnError) -> None:
    """A library in Rust that panics leaves a line in the report, not a silent call."""
    nodes: dict[str, Written] = {"a": source(items([1])), "b": node, "c": sink([])}
    links: list[Any] = [("a -> b", queue()), "b.out -> c"]
    if issubclass(node, Source):
        nodes, links = {"a": node, "c": sink([])}, ["a -> c"]
    report = run(planned(nodes, *links, on_error=on_error))
    assert ["raised Panic" in failure.message for failure in report.failures] == [True]
    assert report.failure_count == 1
    assert (report.error is not None) == (report.ended == "failed")
    # What a synchronous node does to its worker cannot be contained: nothing there can go on.
    assert report.ended == ("failed" if on_error == "end" or issubclass(node, Transform) else "eos")


def test_session_drain_does_not_name_abandoned_work_that_has_ended() -> None:
    """The report of a session that did not drain names the culprit, not who was late an hour ago."""
    tap = Tap()

    class Late(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            until = self.clock.now() + (seconds(3) if item.number == 1 else 0)
            while self.clock.now() < until:
                try:
                    await self.clock.sleep_until(until)
                except asyncio.CancelledError:
                    continue
            yield item

    class Gated(Sink[NoParams]):
        into = Input(Item, gated=True)

        @into.each
        async def hear(self, item: Item) -> None:
            """Nothing."""

    async def drive(session: Session) -> None:
        turn = session.causes.begin("turn")
        tap.put(of(turn, 1))
        await session.clock.sleep(ms(1))
        session.causes.revoke(turn, "tap")
        tap.put(of(session.causes.begin("undecided"), 2))
        tap.shut()

    report = run(planned({"tap": tap.node(), "late": Late, "end": Gated}, "tap -> late", "late.out -> end"), drive)
    assert report.ended == "drained late"
    abandoned, stuck = report.stuck
    assert abandoned.message.startswith("late did not stop")
    assert stuck.message.startswith("end has not moved")


def test_session_cancelled_twice_still_closes_its_nodes() -> None:
    """A server that is told to stop, and told again, leaves no connection open."""
    closed: list[str] = []

    class Slow(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            try:
                await self.clock.sleep(seconds(9))
            finally:
                await self.clock.sleep(seconds(1))
            yield item

        async def close(self) -> None:
            closed.append(self.context.name)

    async def main() -> None:
        nodes: dict[str, Written] = {"a": source(items([1])), "b": Slow, "c": sink([])}
        session = make_runner().session(planned(nodes, "a -> b", "b.out -> c"))
        running = asyncio.ensure_future(session.run())
        for _ in range(2):
            await session.clock.sleep(ms(100))
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await session.clock.sleep(seconds(5))

    run_virtual(main())
    assert closed == ["b"]
