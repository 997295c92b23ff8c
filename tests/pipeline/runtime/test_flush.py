"""Flush over random graphs: silence at once, everywhere below, and nothing else is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Cause
from pipeline.events import Abandoned, Flushed
from pipeline.graph.plan import Plan
from pipeline.node import Service, Sink, Transform
from pipeline.packet import Packet
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output
from pipeline.runtime.report import SessionReport
from pipeline.runtime.session import FLUSH_DEADLINE, Session
from pipeline.runtime.supervised_task import CANCEL_GRACE
from pipeline.testing import root_stamp
from tests.pipeline.kit import Item, Lasting, Loose, Pass, Tap, Written, items, numbers, of, planned, queue, run, sink

SERVICES = 4
SINKS = ("speaker", "avatar")
HABITS = ("plain", "swallows", "cleans", "says goodbye", "fails", "never ends")


class Order(Packet, frozen=True):
    """Upstream of the origin: what it shall give."""

    given: Item


class Decide(Transform[NoParams]):
    """The origin of every flush."""

    into = Input(Order)
    out = Output(Item, Lasting)
    orders: list[int]

    @into.each
    def give(self, order: Order) -> Iterable[Item]:
        """What was ordered, under its own cause."""
        self.orders.append(order.given.number)
        return (order.given,)


@dataclass(frozen=True)
class Shape:
    """A graph below the origin."""

    parents: tuple[tuple[int, ...], ...]
    """Of each service; -1 is the origin."""
    habits: tuple[str, ...]
    counts: tuple[int, ...]
    """Bounds of the queues into each service, then into each sink."""
    takes: tuple[int, ...]
    """Milliseconds that each service, then each sink, takes for a packet."""

    def leaves(self) -> list[tuple[int, str]]:
        """The links into the sinks."""
        inner = {parent for parents in self.parents for parent in parents}
        ends = [service for service in range(SERVICES) if service not in inner]
        pairs = [(service, SINKS[n % 2]) for n, service in enumerate(ends)]
        return pairs if len(ends) > 1 else [(ends[0], name) for name in SINKS]

    def ways(self) -> Counter[str]:
        """How many paths lead from the origin to each sink."""
        ways = {-1: 1}
        for service, parents in enumerate(self.parents):
            ways[service] = sum(ways[parent] for parent in parents)
        total: Counter[str] = Counter()
        for service, name in self.leaves():
            total[name] += ways[service]
        return total


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Four services, fan-out to at most three, fan-in, small queues, at most one that never ends."""
    children: Counter[int] = Counter()
    parents: list[tuple[int, ...]] = []
    for service in range(SERVICES):
        free = [above for above in range(-1, service) if children[above] < 3]
        chosen = draw(st.lists(st.sampled_from(free), min_size=1, max_size=2, unique=True))
        children.update(chosen)
        parents.append(tuple(chosen))
    habits = draw(st.lists(st.sampled_from(HABITS), min_size=SERVICES, max_size=SERVICES))
    first = habits.index("never ends") if "never ends" in habits else -1
    habits = ["plain" if habit == "never ends" and index != first else habit for index, habit in enumerate(habits)]
    size = SERVICES + len(SINKS)
    counts = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    takes = draw(st.lists(st.integers(0, 12), min_size=size, max_size=size))
    return Shape(tuple(parents), tuple(habits), tuple(counts), tuple(takes))


def service(habit: str, takes: int) -> type[Service[NoParams]]:
    """A service that passes on what it takes, with a habit."""

    class Worker(Service[NoParams]):
        into = Input(Item)
        out = Output(Item, Lasting)

        @into.each
        async def work(self, item: Item) -> AsyncIterator[Item]:
            try:
                await self._nap(ms(takes), swallow=habit == "swallows")
                yield item
                await self._nap(ms(takes), swallow=False)
            except asyncio.CancelledError:
                if habit == "never ends":
                    await self._nap(seconds(5), swallow=True)
                if habit == "fails":
                    raise OSError("broken") from None
                raise
            finally:
                if habit == "cleans":
                    await self.clock.sleep(ms(5))
                if habit == "says goodbye" and item.is_stale:
                    yield Item(item.at, -1)

        async def _nap(self, duration: int, *, swallow: bool) -> None:
            until = self.clock.now() + duration
            while self.clock.now() < until:
                try:
                    await self.clock.sleep_until(until)
                except asyncio.CancelledError:
                    if not swallow:
                        raise

    return Worker


@dataclass
class World:
    """One run: what was given, what was called off, what came out."""

    shape: Shape
    tap: Tap = field(default_factory=lambda: Tap(Order))
    orders: list[int] = field(default_factory=list)
    given: list[Item] = field(default_factory=list)
    heard: dict[str, list[Item]] = field(default_factory=lambda: {name: [] for name in SINKS})
    faults: list[str] = field(default_factory=list)
    stopped: list[Flushed] = field(default_factory=list)
    abandoned: list[Abandoned] = field(default_factory=list)
    revoked: list[Cause] = field(default_factory=list)

    def plan(self) -> Plan:
        """The graph, of these very nodes."""

        class Origin(Decide):
            orders = self.orders

        shape = self.shape
        nodes: dict[str, Written] = {"tap": self.tap.node(), "up": _upstream(), "origin": Origin}
        links: list[Any] = [("tap -> up", queue(1000)), "up -> origin"]
        for index, parents in enumerate(shape.parents):
            nodes[f"s{index}"] = service(shape.habits[index], shape.takes[index])
            links += [
                (f"{'origin' if parent < 0 else f's{parent}'} -> s{index}", queue(shape.counts[index]))
                for parent in parents
            ]
        for index, name in enumerate(SINKS):
            nodes[name] = self._sink(name, shape.takes[SERVICES + index])
        for index, name in shape.leaves():
            links.append((f"s{index} -> {name}", queue(shape.counts[SERVICES + SINKS.index(name)])))
        return planned(nodes, *links)

    def _sink(self, name: str, takes: int) -> type[Sink[NoParams]]:
        world = self

        class Ear(Sink[NoParams]):
            into = Input(Item)

            @into.each
            async def hear(self, item: Item) -> None:
                if item.is_stale:
                    world.faults.append(f"{name} heard {item!r} after it was called off")
                world.heard[name].append(item)
                await self.clock.sleep(ms(takes))

        return Ear


def _upstream() -> type[Service[NoParams]]:
    class Upstream(Service[NoParams]):
        into = Input(Order)
        out = Output(Order)

        @into.each
        async def think(self, order: Order) -> AsyncIterator[Order]:
            await self.clock.sleep(ms(2))
            yield order

    return Upstream


Moves = list[tuple[str, int, int]]
moves = st.lists(
    st.tuples(
        st.sampled_from(["begin", "give", "give", "give", "last", "commit", "revoke"]),
        st.integers(0, 5),
        st.sampled_from([0, 1, 3, 10, 20, 30]),
    ),
    max_size=25,
)


async def act(world: World, session: Session, moves: Moves) -> None:
    """Plays the moves; then, when all that was called off is over, a fresh turn."""
    session.bus.of(Flushed).subscribe(world.stopped.append)
    session.bus.of(Abandoned).subscribe(world.abandoned.append)
    turns = [session.causes.begin("turn")]
    for what, which, wait in moves:
        cause = turns[-1 if which < 4 else which % len(turns)]
        if what == "begin":
            turns.append(session.causes.begin("turn"))
        elif what == "commit":
            session.causes.commit(cause)
        elif what == "revoke":
            if cause.live:
                world.revoked.append(cause)
            session.causes.revoke(cause, "origin")
        else:
            for _ in range(1 + which % 3):
                give(world, cause, Lasting if what == "last" else Item)
        await session.clock.sleep(ms(wait))
    await session.clock.sleep(seconds(10))
    give(world, session.causes.begin("fresh"), Item)
    await session.clock.sleep(seconds(5))
    world.tap.shut()


def give(world: World, cause: Cause, kind: type[Item]) -> None:
    """Orders one packet, and a root one behind it."""
    for each in (of(cause, len(world.given), kind), Item(root_stamp(), len(world.given) + 1)):
        world.given.append(each)
        world.tap.put(Order(root_stamp(), each))


@settings(max_examples=300)
@given(shapes(), moves)
def test_flush_drops_stale_packets_and_loses_nothing_else(shape: Shape, moves: Moves) -> None:
    """The one promise of barge-in: the machine falls silent, and no word of the person goes missing."""
    world = World(shape)
    report = run(world.plan(), lambda session: act(world, session, moves))
    assert world.faults == []
    assert world.orders == [item.number for item in world.given]  # upstream of the origin
    check_heard(world)
    check_stops(world)
    check_report(world, report)


def check_heard(world: World) -> None:
    """Whoever is alive, or survives, has come through every path, and in order along each."""
    ways = world.shape.ways()
    for name, heard in world.heard.items():
        times = Counter(id(item) for item in heard)
        for item in world.given:
            if not item.is_stale:
                assert times[id(item)] == ways[name], (name, item, times[id(item)])
        if ways[name] == 1:
            assert numbers(heard) == sorted(numbers(heard))


def check_stops(world: World) -> None:
    """Every flush says that it has ended, by its deadline, and who was late."""
    assert [stop.cause for stop in sorted(world.stopped, key=lambda stop: stop.pts - stop.took)] == world.revoked
    hangs = {f"s{index}" for index, habit in enumerate(world.shape.habits) if habit == "never ends"}
    for stop in world.stopped:
        assert stop.took <= FLUSH_DEADLINE
        assert {*stop.late} <= hangs
    assert {gone.node for gone in world.abandoned} <= hangs


def check_report(world: World, report: SessionReport) -> None:
    """The session has drained, within its bounds."""
    assert report.ended == "eos"
    assert len(report.stuck) == len(world.abandoned)
    # Python lets nobody yield who is being closed: whoever says goodbye while it waits for room has failed.
    fails = {f"s{index}" for index, habit in enumerate(world.shape.habits) if habit in ("fails", "says goodbye")}
    assert {failure.node for failure in report.failures} <= fails
    for link in report.links:
        target = link.name.partition(" -> ")[2].partition(".")[0]
        if target in SINKS:
            bound = world.shape.counts[SERVICES + SINKS.index(target)]
        elif target.startswith("s"):
            bound = world.shape.counts[int(target[1:])]
        else:
            continue
        assert link.peak <= bound + 1  # the end of the stream
        assert (link.dropped, link.blocked, link.depth) == (0, 0, 0)


def test_flush_from_within_a_segment_drops_its_own_outputs() -> None:
    """The transform that decides may be the one whose outputs are on their way."""

    class Barge(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            if item.number == 3:
                self.causes.revoke(item.at.cause, self.context.name)
            return (item,)

    tap = Tap()
    heard: list[Item] = []

    async def drive(session: Session) -> None:
        cause = session.causes.begin("turn")
        tap.put(*(of(cause, n) for n in range(6)), *items([7]))
        tap.shut()

    nodes: dict[str, Written] = {"tap": tap.node(), "barge": Barge, "end": sink(heard, takes=ms(1))}
    run(planned(nodes, "tap -> barge", "barge.out -> end"), drive)
    assert numbers(heard) == [7]


def test_flush_resets_downstream_state_before_the_next_packet() -> None:
    """The tail that a resampler still holds does not leave under the next turn."""

    class Late(Pass):
        into = Input(Item)

        @dataclass(slots=True)
        class State:
            held: int = -1

        state: State

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            held, self.state.held = self.state.held, item.number
            return (Item(item.at, held),) if held >= 0 else ()

    tap = Tap()
    heard: list[Item] = []

    async def drive(session: Session) -> None:
        first = session.causes.begin("turn")
        tap.put(of(first, 1), of(first, 2))
        await session.clock.sleep(ms(1))
        session.causes.revoke(first, "tap")
        tap.put(*items([3, 4]))
        await session.clock.sleep(ms(1))
        tap.shut()

    nodes: dict[str, Written] = {"tap": tap.node(), "late": Late, "queued": Late, "end": sink(heard)}
    run(planned(nodes, "tap -> late", ("late.out -> queued", queue()), "queued.out -> end"), drive)
    assert numbers(heard) == []

    tap = Tap()
    nodes = {"tap": tap.node(), "late": Late, "end": sink(heard)}
    run(planned(nodes, "tap -> late", "late.out -> end"), drive)
    assert numbers(heard) == [1, 3]


def test_flush_from_an_unknown_origin_still_drops_stale_packets() -> None:
    """A host that revokes by another name is as silent, if not as prompt."""
    tap = Tap()
    heard: list[Item] = []

    async def drive(session: Session) -> None:
        stopped: list[Flushed] = []
        session.bus.of(Flushed).subscribe(stopped.append)
        first = session.causes.begin("turn")
        tap.put(of(first, 1), of(first, 2), *items([3]))
        await session.clock.sleep(ms(15))
        session.causes.revoke(first, "the host")
        tap.shut()
        await session.clock.sleep(ms(1))
        assert [(stop.origin, stop.late) for stop in stopped] == [("the host", ())]

    run(planned({"tap": tap.node(), "end": sink(heard, takes=ms(10))}, "tap -> end"), drive)
    assert numbers(heard) == [1, 3]


def test_flush_names_an_origin_node_that_hangs_as_late() -> None:
    """It is not cancelled in the middle of its decision, so the stop of the flush has to say who it waited for."""

    class Self(Service[NoParams]):
        into = Input(Item)
        out = Output(Item)

        @into.each
        async def work(self, item: Item) -> AsyncIterator[Item]:
            self.causes.revoke(item.at.cause, "tap")
            await self.clock.sleep(seconds(2))
            yield item

    tap = Tap()
    stopped: list[Flushed] = []

    async def drive(session: Session) -> None:
        session.bus.of(Flushed).subscribe(stopped.append)
        tap.put(of(session.causes.begin("turn")))
        tap.shut()

    report = run(planned({"tap": tap.node(), "self": Self, "end": sink([])}, "tap -> self", "self -> end"), drive)
    assert [(stop.late, stop.took) for stop in stopped] == [(("self",), FLUSH_DEADLINE)]
    assert (report.ended, report.stuck) == ("eos", [])


def test_cancel_grace_is_shorter_than_the_flush_deadline() -> None:
    """Who is abandoned is not late: the stop comes after that."""
    assert CANCEL_GRACE < FLUSH_DEADLINE


def test_flush_empties_leaky_queues() -> None:
    """Audio in a queue that drops is as dead as any."""
    tap = Tap()
    heard: list[Item] = []

    async def drive(session: Session) -> None:
        first = session.causes.begin("turn")
        tap.put(*(of(first, n, Loose) for n in range(5)))
        await session.clock.sleep(ms(15))
        session.causes.revoke(first, "tap")
        tap.put(*items([9], Loose))
        await session.clock.sleep(ms(1))
        assert session.wiring.links_into(frozenset({"end"}))[0].statistics().depth <= 1
        tap.shut()

    nodes: dict[str, Written] = {"tap": tap.node(), "end": sink(heard, takes=ms(10))}
    report = run(planned(nodes, ("tap -> end", queue(9, "drop_oldest"))), drive)
    assert numbers(heard) == [0, 9]
    assert report.links[0].stale == 3
