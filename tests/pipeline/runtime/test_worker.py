"""Workers: nothing lost, in order, within bounds, and never a deadlock, whatever the shape of a segment."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import give_way
from pipeline.graph.plan import Plan
from pipeline.node import Node, Source, Transform
from pipeline.packet import Packet, Queue
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output
from pipeline.runtime.link import Link
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from pipeline.runtime.worker import YIELD_AFTER, wait_room
from pipeline.testing import root_stamp
from tests.pipeline.kit import (
    Item,
    Loose,
    Pass,
    Serve,
    Written,
    bounds,
    items,
    numbers,
    planned,
    queue,
    run,
    settle,
    sink,
    source,
)


def times(factor: int) -> type[Transform[NoParams]]:
    """A transform that gives so many for one."""

    class Times(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return tuple(Item(item.at, item.number * factor + n) for n in range(factor))

    return Times


@dataclass(frozen=True)
class Shape:
    """A segment: what feeds it, what it multiplies by, and the leaves that it ends in."""

    heads: int
    apart: bool
    """Whether each head has a transform of its own before the common one."""
    factor: int
    count: int
    """Packets that each source gives."""
    leaves: tuple[tuple[int, int], ...]
    """The bound of each leaf's queue, and milliseconds that its reader takes for a packet."""
    inlet: int


shapes = st.builds(
    Shape,
    heads=st.integers(1, 3),
    apart=st.booleans(),
    factor=st.integers(1, 4),
    count=st.integers(0, 12),
    leaves=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0, 1, 7])), min_size=1, max_size=3).map(tuple),
    inlet=st.integers(1, 4),
)


def segment(shape: Shape, ends: list[list[Item]], middle: type[Node[Any]]) -> Plan:
    """The graph of a shape."""
    nodes: dict[str, Written] = {"middle": middle}
    links: list[Any] = []
    for head in range(shape.heads):
        given = items(range(head * 100, head * 100 + shape.count))
        nodes[f"source{head}"] = source(given)
        if shape.apart:
            nodes[f"head{head}"] = Pass
            links += [(f"source{head} -> head{head}", queue(shape.inlet)), f"head{head}.out -> middle"]
        else:
            links.append((f"source{head} -> middle", queue(shape.inlet)))
    for leaf, (count, takes) in enumerate(shape.leaves):
        nodes[f"leaf{leaf}"] = sink(ends[leaf], takes=ms(takes))
        links.append((f"middle -> leaf{leaf}", queue(count)))
    return planned(nodes, *links)


def wanted(shape: Shape, head: int) -> list[int]:
    """What of one source must arrive, in order."""
    return [
        number * shape.factor + n for number in range(head * 100, head * 100 + shape.count) for n in range(shape.factor)
    ]


@settings(max_examples=200)
@given(shapes)
def test_segment_keeps_all_packets_in_order_and_within_bounds(shape: Shape) -> None:
    """Else a person misses words, or a slow call eats the memory."""
    ends: list[list[Item]] = [[] for _ in shape.leaves]
    report = run(segment(shape, ends, times(shape.factor)))
    assert (report.ended, report.failures, report.stuck) == ("eos", [], [])
    for end in ends:
        for head in range(shape.heads):
            of_head = [n for n in numbers(end) if n // shape.factor // 100 == head]
            assert of_head == wanted(shape, head)
        assert len(end) == shape.heads * shape.count * shape.factor
    for link in report.links:
        if link.name.startswith("middle"):
            bound, _ = shape.leaves[int(link.name.partition("leaf")[2].partition(".")[0])]
            assert link.peak <= bound + shape.factor - 1
        elif shape.apart or not link.name.startswith("head"):
            # The end of the stream is taken in over the bound.
            assert link.peak <= shape.inlet + 1
        assert link.dropped == link.blocked == link.depth == 0


@settings(max_examples=60)
@given(shapes)
def test_service_fan_out_keeps_all_packets_in_order_and_within_bounds(shape: Shape) -> None:
    """What waits for room in one queue must not lose its turn in another."""

    class Times(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            for n in range(shape.factor):
                yield Item(item.at, item.number * shape.factor + n)

    ends: list[list[Item]] = [[] for _ in shape.leaves]
    report = run(segment(shape, ends, Times))
    assert (report.ended, report.failures, report.stuck) == ("eos", [], [])
    for end in ends:
        assert sorted(numbers(end)) == sorted(itertools.chain(*(wanted(shape, h) for h in range(shape.heads))))
    for link in report.links:
        if link.name.startswith("middle"):
            bound, _ = shape.leaves[int(link.name.partition("leaf")[2].partition(".")[0])]
            assert link.peak <= bound + 1  # the end of the stream


def test_source_is_held_back_by_a_blocking_queue() -> None:
    """A file is read as fast as it is played, not into memory."""
    made: list[int] = []

    class Eager(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Item]:
            for n in range(20):
                made.append(self.clock.now())
                yield Item(root_stamp(), n)

    ended: list[Item] = []
    run(planned({"a": Eager, "b": Pass, "c": sink(ended, takes=ms(10))}, "a -> b", ("b.out -> c", queue(2))))
    assert numbers(ended) == list(range(20))
    assert made[-1] >= ms(150)


def test_live_source_drops_only_droppable_packets_and_counts_them() -> None:
    """A microphone does not wait; a mark from it is not lost."""
    given: list[Packet] = [kind(root_stamp(), n) for n, kind in enumerate([Loose, Loose, Loose, Item, Loose])]
    ended: list[Item] = []
    report = run(
        planned({"a": source(given, live=True), "b": sink(ended, takes=ms(10))}, ("a -> b", queue(1, "block")))
    )
    # The sink takes the first at once; the second waits; the mark waits until there is room.
    assert 3 in numbers(ended)
    assert len(ended) + report.links[0].dropped == len(given)
    assert report.links[0].dropped > 0


def test_source_that_never_waits_yields_to_other_tasks() -> None:
    """A file that is read must not silence a call."""
    between: list[int] = []
    seen = [0]

    async def watch(session: Session) -> None:
        while not session.over:
            between.append(seen[0])
            await give_way()

    def see(*_: object) -> None:
        seen[0] += 1

    run(
        planned({"a": source(items(range(500))), "b": Pass, "c": sink([])}, "a -> b", ("b.out -> c", queue(1000))),
        watch,
        see,
    )
    assert max(after - before for before, after in itertools.pairwise(between)) <= 3 * YIELD_AFTER


@pytest.mark.parametrize("heads", [1, 2])
def test_pump_that_is_busy_yields_to_other_tasks(heads: int) -> None:
    """A full queue is worked off in turns."""
    order: list[int] = []

    class Note(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            order.append(item.number // 1000)
            return ()

    many = YIELD_AFTER * 4
    nodes: dict[str, Written] = {"end": sink([])}
    links: list[Any] = []
    for n in range(2):
        nodes[f"note{n}"] = Note
        links.append(f"note{n}.out -> end")
        for head in range(heads):
            nodes[f"source{n}{head}"] = source([Item(root_stamp(), n * 1000 + i) for i in range(many)])
            links.append((f"source{n}{head} -> note{n}", queue(many + 1)))
    run(planned(nodes, *links))
    runs = [len(list(group)) for _, group in itertools.groupby(order)]
    assert sum(runs) == 2 * heads * many
    assert max(runs) <= 2 * YIELD_AFTER


def test_worker_takes_from_its_queues_in_turn() -> None:
    """One busy producer does not starve another."""
    ended: list[Item] = []

    class Slow(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            await self.clock.sleep(ms(1))
            yield item

    run(
        planned(
            {"a": source(items(range(10))), "b": source(items(range(100, 110))), "s": Slow, "end": sink(ended)},
            "a -> s",
            "b -> s",
            "s.out -> end",
        )
    )
    firsts = numbers(ended)[:8]
    assert 3 <= sum(n >= 100 for n in firsts) <= 5


def test_source_generator_is_closed_before_the_session_ends() -> None:
    """A file or a connection that `run` opened is let go of before the session ends, even while it waits for room."""
    log: list[str] = []

    class Opened(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Item]:
            try:
                for n in range(100):
                    yield Item(root_stamp(), n)
            finally:
                await self.clock.sleep(ms(1))
                log.append("closed")

        async def close(self) -> None:
            log.append("node closed")

    async def drive(session: Session) -> None:
        await session.clock.sleep(ms(5))
        session.stop()

    report = run(planned({"a": Opened, "b": sink([], takes=ms(1000))}, ("a -> b", queue(1))), drive)
    assert report.ended == "stopped"
    assert log == ["closed", "node closed"]


def test_link_statistics_do_not_count_the_end_of_stream() -> None:
    """What metrics show is what a person gave."""
    report = run(
        planned(
            {"a": source(items(range(3))), "b": Pass, "c": Serve, "d": sink([])},
            ("a -> b", queue()),
            "b.out -> c",
            "c.out -> d",
        )
    )
    assert [link.passed for link in report.links] == [3, 3, 3]


def test_queue_spec_that_is_empty_keeps_the_bounds_of_the_kind() -> None:
    """`queue: true` forces a queue and says nothing about its size."""
    made = planned({"a": source(items([1])), "b": Pass, "c": sink([])}, ("a -> b", queue()), "b.out -> c")
    assert made.links[0].queue == Queue()


def test_worker_waits_until_every_gate_has_room_at_once() -> None:
    """A queue that filled while another was waited for is not filled beyond its bound."""

    async def main() -> None:
        root = root_stamp()
        first, second = Link("a -> b", bounds(1)), Link("a -> c", bounds(1))
        first.push(Item(root))
        second.push(Item(root))
        waiting = asyncio.ensure_future(wait_room([first, second]))
        await settle()
        first.take()
        await settle()
        first.push(Item(root))  # by another producer, while this one waits for the second
        second.take()
        await settle()
        assert not waiting.done()
        first.take()
        await waiting

    run_virtual(main())
