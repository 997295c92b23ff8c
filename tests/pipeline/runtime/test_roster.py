"""The roster: members that hang, come late, share a memory, or leave while they are in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pipeline.errors import NodeError
from pipeline.events import NodeRecovered
from pipeline.node import Service, Transform
from pipeline.params import NoParams, ms, seconds
from pipeline.policies.spec import RetrySpec
from pipeline.port import MAX_OUTPUTS, Input, Output
from pipeline.runtime.roster import REOPEN_INTERVAL
from pipeline.runtime.session import Session
from tests.pipeline.kit import (
    HERE,
    Item,
    Pass,
    Serve,
    Tap,
    Written,
    items,
    member,
    numbers,
    planned,
    queue,
    run,
    sink,
    source,
)


class Opens(Serve):
    """Cannot be opened at first; keeps count of what is open."""

    into = Input(Item)
    tries: ClassVar[dict[str, int]] = {}
    open_now: ClassVar[list[str]] = []
    hangs: ClassVar[frozenset[str]] = frozenset()

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        yield item

    async def open(self) -> None:
        name = self.context.name
        self.tries[name] = self.tries.get(name, 0) + 1
        self.open_now.append(name)
        if self.tries[name] == 1:
            raise NodeError("not yet")
        if name in self.hangs:
            await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        self.open_now.remove(self.context.name)


def test_roster_reopens_a_member_while_another_hangs_in_open() -> None:
    """One endpoint that never answers keeps no other model away, and is closed with the session."""
    recovered: list[str] = []

    class First(Opens):
        tries: ClassVar[dict[str, int]] = {}
        open_now: ClassVar[list[str]] = []
        hangs = frozenset({"b"})

    async def drive(session: Session) -> None:
        await session.clock.sleep(REOPEN_INTERVAL + seconds(5))
        tap.shut()

    tap = Tap()
    nodes: dict[str, Written] = {"tap": tap.node(), "b": [First, Serve], "c": [First, Serve], "end": sink([])}
    report = run(
        planned(nodes, "tap -> b -> c -> end"),
        drive,
        prepare=lambda session: session.bus.of(NodeRecovered).subscribe(lambda event: recovered.append(event.node)),
    )
    assert recovered == ["c"]
    assert First.open_now == [], "every instance that was opened, or half opened, is closed"
    assert not report.stuck


@dataclass(slots=True)
class Said:
    """What the conversation remembers."""

    numbers: list[int] = field(default_factory=list)


class Filed(Service[NoParams]):
    """Keeps a handle that `open` made, and a memory that its chain shares."""

    into = Input(Item)
    out = Output(Item)
    Memory = Said
    memory: Said
    handles: ClassVar[list[str]] = []

    async def open(self) -> None:
        self._handle = object()
        self.handles.append("opened")
        self.memory.numbers.append(0)

    async def close(self) -> None:
        assert self._handle is not None
        self.handles.append("closed")

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        self.memory.numbers.append(item.number)
        yield Item(item.at, len(self.memory.numbers))


def test_members_of_one_class_share_memory_and_each_closes_its_own_handle() -> None:
    """A fallback of the same class neither forgets the conversation nor leaves a file open."""
    heard: list[Item] = []

    class Logs(Filed):
        handles: ClassVar[list[str]] = []

    nodes: dict[str, Written] = {"a": source(items([1, 2])), "b": [Logs, Logs], "c": sink(heard)}
    run(planned(nodes, "a -> b -> c"))
    assert sorted(Logs.handles) == ["closed", "closed", "opened", "opened"]
    assert numbers(heard) == [3, 4], "both members had put a zero into the one memory before"


def test_placeholder_that_leaves_during_a_pause_ends_no_session() -> None:
    """A member whose place in the chain is taken while it pauses before a retry is no reason to end a call."""
    seen: list[Item] = []

    class Fails(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            raise ConnectionError("away")
            yield item

    async def drive(session: Session) -> None:
        tap.put(*items([1]))
        await session.clock.sleep(ms(50))
        running = session.wiring.nodes["b"]
        running.members = [each for each in running.members if each.place != 0]
        await session.clock.sleep(seconds(5))
        tap.put(*items([2]))
        await session.clock.sleep(seconds(5))
        tap.shut()

    tap = Tap()
    retry = RetrySpec(attempts=3, first=ms(200), most=ms(900))
    first = member(Fails)
    patient = type(first)(first.use, first.node, first.params, HERE, first.deadline, retry)
    nodes: dict[str, Written] = {"tap": tap.node(), "b": [patient, Serve], "end": sink(seen)}
    report = run(planned(nodes, "tap -> b -> end"), drive)
    assert report.ended == "eos" and report.error is None
    assert numbers(seen) == [1, 2]


def test_transform_with_too_many_outputs_fails_the_packet() -> None:
    """One input that grows into thousands would pass every bound of the queues below it."""

    class Multiplies(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return [item] * item.number

    heard: list[Item] = []
    counts = [0, 1, MAX_OUTPUTS, MAX_OUTPUTS + 1, 2]
    nodes: dict[str, Written] = {"a": source(items(counts)), "b": Multiplies, "c": sink(heard)}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert [numbers(heard).count(number) for number in counts] == [0, 1, MAX_OUTPUTS, 0, 2]
    (failure,) = report.failures
    assert failure.node == "b" and f"{MAX_OUTPUTS + 1} outputs for one input" in failure.message


def test_transform_flood_cannot_overfill_the_queue_below() -> None:
    """One input may overshoot the queue, but only by so much."""

    class Floods(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return [item] * (MAX_OUTPUTS if item.number % 2 else 40)

    nodes: dict[str, Written] = {"a": source(items(range(9))), "b": Floods, "c": sink([], takes=ms(5))}
    report = run(planned(nodes, "a -> b", ("b.out -> c", queue(1))))
    assert max(link.peak for link in report.links) <= 1 + MAX_OUTPUTS


def test_transform_generator_with_too_many_outputs_fails_the_packet() -> None:
    """The bound holds for handlers that yield as well."""

    class Yields(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Any]:
            yield from [item] * item.number

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([99, 1])), "b": Yields, "c": sink(heard)}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert numbers(heard) == [1] and report.failure_count == 1
