"""Sessions: how they run, end, close, and what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.node import Service, Sink, Source, Transform
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output, Receives, Sends
from pipeline.runtime.report import SessionReport
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import root_stamp
from tests.pipeline.kit import (
    Item,
    Lasting,
    Loose,
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


def test_session_drains_everything_at_end_of_stream() -> None:
    """The last word of a recording is heard, however slow what is between."""
    heard: list[Item] = []

    class Last(Pass):
        into = Input(Item)

        def finish(self) -> Iterable[Packet]:
            return items([98, 99])

    nodes: dict[str, Written] = {"a": source(items(range(5))), "b": Last, "c": Serve, "d": sink(heard, takes=ms(300))}
    report = run(planned(nodes, "a -> b", ("b.out -> c", queue(1)), ("c.out -> d", queue(1))))
    assert numbers(heard) == [0, 1, 2, 3, 4, 98, 99]
    assert (report.ended, report.duration) == ("eos", ms(300) * 7)


def test_session_goes_on_after_one_source_ends() -> None:
    """One file is over, the other goes on."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {
        "a": source(items([1])),
        "b": source(items([2, 3]), every=seconds(50)),
        "c": Pass,
        "d": sink(heard),
    }
    report = run(planned(nodes, "a -> c", "b -> c", "c.out -> d"))
    assert numbers(heard) == [1, 2, 3]
    assert report.duration == seconds(50)


def test_sink_ports_are_served_independently() -> None:
    """A slow face does not hold the voice."""
    times: dict[str, list[int]] = {"voice": [], "face": []}

    class Playback(Sink[NoParams]):
        voice = Input(Item)
        face = Input(Loose)

        @voice.each
        async def say(self, item: Item) -> None:
            times["voice"].append(self.clock.now())

        @face.each
        async def show(self, item: Loose) -> None:
            await self.clock.sleep(seconds(1))
            times["face"].append(self.clock.now())

    run(
        planned(
            {"a": source(items([1, 2])), "b": source(items([3, 4], Loose)), "c": Playback},
            "a -> c.voice",
            "b -> c.face",
        )
    )
    assert times == {"voice": [0, 0], "face": [seconds(1), seconds(2)]}


# --- the gate


class Gated(Sink[NoParams]):
    """Notes what comes through the gate, and when."""

    into = Input(Item, gated=True)
    heard: list[tuple[int, int]]

    @into.each
    async def hear(self, item: Item) -> None:
        """Notes it."""
        self.heard.append((item.number, self.clock.now()))


def gated(play: Any) -> list[tuple[int, int]]:
    """What a gated sink hears while `play` drives causes and a tap."""
    heard: list[tuple[int, int]] = []
    tap = Tap()

    class Ear(Gated):
        pass

    Ear.heard = heard

    async def drive(session: Session) -> None:
        await play(session, tap)
        tap.shut()

    run(planned({"tap": tap.node(), "end": Ear}, "tap -> end"), drive)
    return heard


def test_gate_holds_packets_until_commit() -> None:
    """Nobody hears the answer to half a sentence."""

    async def play(session: Session, tap: Tap) -> None:
        turn = session.causes.begin("turn")
        tap.put(of(turn, 1), of(turn, 2))
        await session.clock.sleep(ms(70))
        session.causes.commit(turn)

    assert gated(play) == [(1, ms(70)), (2, ms(70))]


def test_gate_drops_packets_of_a_revoked_cause() -> None:
    """The answer to a guess that was wrong is never heard; the next one is."""

    async def play(session: Session, tap: Tap) -> None:
        guess, turn = session.causes.begin("guess"), session.causes.begin("turn")
        session.causes.commit(turn)
        tap.put(of(guess, 1), of(guess, 2), of(turn, 3))
        await session.clock.sleep(ms(70))
        session.causes.revoke(guess, "tap")

    assert gated(play) == [(3, ms(70))]


def test_gate_holds_a_held_cause_until_release() -> None:
    """A cough pauses the answer and costs none of it."""

    async def play(session: Session, tap: Tap) -> None:
        turn = session.causes.begin("turn")
        session.causes.commit(turn)
        tap.put(of(turn, 1))
        await session.clock.sleep(ms(10))
        session.causes.hold(turn)
        tap.put(of(turn, 2), of(turn, 3))
        await session.clock.sleep(ms(200))
        session.causes.release(turn)

    assert gated(play) == [(1, 0), (2, ms(210)), (3, ms(210))]


def test_gate_passes_survivors_of_a_revoked_cause() -> None:
    """A caption of what the person said is shown even if they went on."""

    async def play(session: Session, tap: Tap) -> None:
        turn = session.causes.begin("turn")
        session.causes.commit(turn)
        session.causes.hold(turn)
        tap.put(of(turn, 1), of(turn, 2, Lasting))
        await session.clock.sleep(ms(10))
        session.causes.revoke(turn, "tap")

    assert gated(play) == [(2, ms(10))]


# --- upstream events


def test_upstream_event_reaches_every_upstream_receiver_only() -> None:
    """What was played reaches the dialogue and the turn, not the face beside it."""
    told: list[tuple[str, int]] = []

    class Hears(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)
        news = Receives(News)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

        @news.each
        def note(self, event: News) -> None:
            told.append((self.context.name, event.number))

    class Thinks(Service[NoParams]):
        into = Input(Item)
        out = Output(Item)
        news = Receives(News)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            yield item

        @news.each
        def note(self, event: News) -> None:
            told.append((self.context.name, event.number))

    class Plays(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def play(self, item: Item) -> AsyncIterator[News]:
            yield News(item.number)

    nodes: dict[str, Written] = {
        "a": source(items([1, 2])),
        "turn": Hears,
        "chat": Thinks,
        "beside": Hears,
        "end": Plays,
        "other": sink([]),
    }
    run(planned(nodes, "a -> turn -> chat -> end", "a -> beside -> other"))
    assert sorted(told) == [("chat", 1), ("chat", 2), ("turn", 1), ("turn", 2)]


def test_upstream_event_receiver_may_give_packets_outside_the_sender() -> None:
    """Feedback is no call into the middle of somebody's work."""
    heard: list[Item] = []

    class Answers(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)
        news = Receives(News)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

        @news.each
        def answer(self, event: News) -> Iterable[Item]:
            yield Item(root_stamp(), event.number * 10)

    class Asks(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)
        news = Sends(News)

        @into.each
        def ask(self, item: Item) -> Iterable[Item | News]:
            asked = (News(item.number),) if item.number < 10 else ()
            return (*asked, item)

    nodes: dict[str, Written] = {"a": source(items([1, 2]), every=ms(10)), "b": Answers, "c": Asks, "d": sink(heard)}
    run(planned(nodes, "a -> b -> c -> d"))
    assert numbers(heard)[:3] == [1, 10, 2]


def test_send_upstream_works_in_a_finally_block() -> None:
    """What was played when the session ends is still told."""
    told: list[int] = []

    class Hears(Pass):
        into = Input(Item)
        news = Receives(News)

        @news.each
        def note(self, event: News) -> None:
            told.append(event.number)

    class Plays(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def play(self, item: Item) -> None:
            try:
                await self.clock.sleep(seconds(9))
            finally:
                self.send_upstream(News(item.number))

    async def drive(session: Session) -> None:
        await session.clock.sleep(ms(10))
        session.stop()

    run(planned({"a": source(items([7])), "b": Hears, "c": Plays}, "a -> b", "b.out -> c"), drive)
    assert told == [7]


def test_upstream_event_without_receiver_is_no_failure() -> None:
    """A sink that reports works in a graph where nobody listens."""

    class Plays(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def play(self, item: Item) -> AsyncIterator[News]:
            yield News(1)

    report = run(planned({"a": source(items([7])), "b": Plays}, "a -> b"))
    assert report.failures == []


def test_passed_through_kind_without_receiver_is_no_failure() -> None:
    """A node that lets other kinds through may stand before one that does not take them."""

    class Through(Transform[NoParams]):
        into = Input(Item, passes=True)
        out = Output(Item)

        @into.of(Item)
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    class Mark(Packet, frozen=True):
        pass

    class OnlyItems(Sink[NoParams]):
        into = Input(Item)

        @into.each
        async def take(self, item: Item) -> None:
            heard.append(item)

    heard: list[Item] = []
    given: list[Packet] = [Mark(root_stamp()), *items([1]), Mark(root_stamp())]
    report = run(planned({"a": source(given), "b": Through, "c": OnlyItems}, "a -> b -> c"))
    assert (numbers(heard), report.failures) == ([1], [])


# --- stopping, cancelling


class Log(Source[NoParams]):
    """A source without an end; its log says when it is closed."""

    out = Output(Item)
    log: list[str]

    async def run(self) -> AsyncIterator[Item]:
        """One every 10 ms."""
        try:
            for n in range(10**6):
                yield Item(root_stamp(), n)
                await self.clock.sleep(ms(10))
        finally:
            self.log.append("run ended")

    async def close(self) -> None:
        """Notes it."""
        self.log.append("closed")


def logged() -> tuple[type[Log], list[str]]:
    """A class of its own, and its log."""

    class Logged(Log):
        log: list[str] = []

    return Logged, Logged.log


def test_session_stop_ends_midway_and_keeps_its_results() -> None:
    """Hanging up works at any moment."""
    node, log = logged()
    finished: list[str] = []

    class Last(Pass):
        into = Input(Item)

        def finish(self) -> Iterable[Packet]:
            finished.append("finish")
            return ()

    heard: list[Item] = []

    async def drive(session: Session) -> None:
        await session.clock.sleep(ms(25))
        session.stop()
        session.stop()

    report = run(planned({"a": node, "b": Last, "c": sink(heard)}, "a -> b", "b.out -> c"), drive)
    assert report.ended == "stopped"
    assert numbers(heard) == [0, 1, 2]
    assert log == ["run ended", "closed"]
    assert finished == []  # a stream that is broken off has not ended
    assert report.duration == ms(25)
    assert report.links[0].passed == 3


def test_session_stopped_before_it_ran_ends_at_once() -> None:
    """Whoever hangs up while it rings is not called."""
    node, log = logged()

    async def main() -> SessionReport:
        session = make_runner().session(planned({"a": node, "b": sink([])}, "a -> b"))
        session.stop()
        return await session.run()

    assert run_virtual(main()).ended == "stopped"
    assert log[-1] == "closed"


@pytest.mark.parametrize("after", [0, 5, 25])
def test_session_run_cancellation_closes_everything(after: int) -> None:
    """A server that goes down leaves no connection open."""
    node, log = logged()

    async def main() -> None:
        session = make_runner().session(planned({"a": node, "b": Serve, "c": sink([])}, "a -> b", "b.out -> c"))
        running = asyncio.ensure_future(session.run())
        while not session.tasks:
            await asyncio.wait([running], timeout=0)
        await session.clock.sleep(ms(after))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run_virtual(main())
    assert log[-1] == "closed"


def test_sessions_of_one_plan_share_nothing() -> None:
    """What one caller says is not in the other's ear, nor in the other's memory."""
    heard: dict[int, list[int]] = {}

    class Counts(Transform[NoParams]):
        into = Input(Item)
        out = Output(Item)

        @dataclass(slots=True)
        class State:
            count: int = 0

        @dataclass(slots=True)
        class Memory:
            count: int = 0

        state: State
        memory: Memory

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            self.state.count += 1
            self.memory.count += 1
            return (Item(item.at, self.state.count * 100 + self.memory.count),)

    class Keep(Sink[NoParams]):
        into = Input(Item)

        @into.each
        async def keep(self, item: Item) -> None:
            heard.setdefault(id(self.causes), []).append(item.number)

    made = planned({"a": source(items(range(3)), every=ms(5)), "b": Counts, "c": Keep}, "a -> b -> c")

    async def main() -> list[SessionReport]:
        runner = make_runner()
        return await asyncio.gather(*(runner.session(made).run() for _ in range(2)))

    first, second = run_virtual(main())
    assert list(heard.values()) == [[101, 202, 303]] * 2
    assert first.links is not second.links
    assert [link.passed for link in first.links] == [3]


# --- seeing


def test_session_observer_sees_every_output_of_every_node_once() -> None:
    """The recorder and the waterfall miss nothing, fused or queued, and count nothing twice where links fork."""
    seen: list[tuple[str, int]] = []

    def observe(node: str, packet: Packet) -> None:
        assert isinstance(packet, Item)
        seen.append((node, packet.number))

    nodes: dict[str, Written] = {"a": source(items([1, 2])), "b": Pass, "c": Serve, "d": sink([]), "e": sink([])}
    run(planned(nodes, "a -> b", "b.out -> c", "c.out -> d", "b.out -> e", "c.out -> e"), observe=observe)
    for name in ("a", "b", "c"):
        assert [number for node, number in seen if node == name] == [1, 2]
    assert {node for node, _ in seen} == {"a", "b", "c"}


def test_session_report_has_statistics_of_every_link() -> None:
    """A run that lost something says on which link."""
    given: list[Packet] = [Loose(root_stamp(n), n) for n in range(10)]
    report = run(
        planned({"a": source(given), "b": sink([], takes=ms(10))}, ("a -> b", queue(4, "drop_oldest"))),
    )
    (link,) = report.links
    assert link.name == "a.out -> b.into_"
    assert link.passed + link.dropped == 10
    assert link.dropped > 0
    assert link.peak == 4


class Said(Event, frozen=True):
    """Something on the bus."""

    number: int


def test_node_posts_on_the_bus_of_its_session() -> None:
    """Metrics hear of it without a link."""

    class Posts(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            self.post(Said(item.number))
            return ()

    said: list[int] = []

    async def drive(session: Session) -> None:
        session.bus.of(Said).subscribe(lambda event: said.append(event.number))

    run(planned({"a": source(items([1, 2]), every=ms(1)), "b": Posts, "c": sink([])}, "a -> b", "b.out -> c"), drive)
    assert said[-1] == 2


def test_session_clock_begins_with_the_session() -> None:
    """All times of a report count from the beginning of the call."""

    async def main() -> int:
        await Clock(asyncio.get_running_loop()).sleep(seconds(5))
        session = make_runner().session(planned({"a": source(items([1])), "b": sink([], takes=ms(7))}, "a -> b"))
        return (await session.run()).duration

    assert run_virtual(main()) == ms(7)


def test_node_repr_shows_its_name_in_the_graph() -> None:
    """A node in a message or a debugger has its name in the graph."""
    names: list[str] = []

    class Named(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            names.append(repr(self))
            return ()

    async def drive(session: Session) -> None:
        names.append(repr(session.wiring.nodes["b"]))

    run(planned({"a": source(items([1]), every=0), "b": Named, "c": sink([])}, "a -> b", "b.out -> c"), drive)
    assert "<Named b>" in names
    assert repr(Named()) == "<Named not started>"
    assert any("RunningNode b" in name for name in names)
