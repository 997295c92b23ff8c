"""Services that fail, time out or hang: reported once, answered where it can be, and never captive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipeline.node import Node, Sink
from pipeline.packet import Packet
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Sends
from pipeline.runtime.session import Session
from pipeline.runtime.supervised_task import CANCEL_GRACE
from tests.pipeline.kit import (
    Item,
    News,
    Serve,
    Tap,
    items,
    member,
    numbers,
    of,
    planned,
    run,
)
from tests.pipeline.runtime.serving import SECOND_TURN, interrupted, nap, play, service, talk


def test_service_timeout_fails_only_its_packet() -> None:
    """A model that takes too long costs one answer, not the session."""

    async def late(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        async with asyncio.timeout(0.01 if item.number == 1 else 1):
            await self.clock.sleep(ms(50))
        yield item

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([1, 2]))
        await session.clock.sleep(seconds(1))

    ended = play(service(late), script)
    assert numbers(ended.packets) == [2]
    assert [failure.category for failure in ended.report.failures] == ["network"]


@pytest.mark.parametrize("hook", ["requires_output", "counts_as_output", "lane"])
def test_hook_that_raises_fails_only_its_packet(hook: str) -> None:
    """A fault in what a service says of a packet must not end the call."""

    class Faulty(Serve):
        pass

    def faulty(self: Node[Any], packet: Item) -> Any:
        if packet.number == 1:
            raise ValueError(hook)
        return getattr(Serve, hook)(self, packet)

    setattr(Faulty, hook, faulty)

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([1, 2]))
        await session.clock.sleep(seconds(1))

    ended = play(Faulty, script)
    assert numbers(ended.packets) == [2]
    assert {failure.message for failure in ended.report.failures} == {f"ValueError('{hook}')"}
    assert ended.report.error is None


def test_service_cancelled_from_within_is_a_failure() -> None:
    """A library that cancels what a node waits for must not make it silently deaf."""

    async def cancelled(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 1:
            raise asyncio.CancelledError
        yield item

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([1, 2]))
        await session.clock.sleep(seconds(1))

    ended = play(service(cancelled), script)
    assert numbers(ended.packets) == [2]
    assert [failure.message for failure in ended.report.failures] == ["its work was cancelled from within"]


async def fails_after_two(self: Node[Any], item: Item) -> AsyncIterator[Item]:
    """Two outputs, then an error."""
    yield Item(item.at, 1)
    yield Item(item.at, 2)
    raise OSError("no room")


def test_service_fallback_takes_over_before_the_first_output() -> None:
    """The person hears an answer, of the second voice."""

    async def fails(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 7:
            raise OSError("no room")
        yield Item(item.at, 70)

    async def spare(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        yield Item(item.at, 700)

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([7, 8]))
        await session.clock.sleep(seconds(1))

    ended = play([member(service(fails), "first"), member(service(spare), "second")], script)
    assert numbers(ended.packets) == [700, 70]  # and back to the first for the next packet
    (failure,) = ended.report.failures
    assert (failure.node, failure.member, failure.answered_by, failure.category) == (
        "node",
        "first",
        "second",
        "resource",
    )


def test_service_failure_after_output_is_not_answered_again() -> None:
    """Nobody hears the beginning of an answer again."""

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([7]))
        await session.clock.sleep(seconds(1))

    ended = play([service(fails_after_two), Serve], script)
    assert numbers(ended.packets) == [1, 2]
    assert [failure.answered_by for failure in ended.report.failures] == [""]


def test_service_failure_during_a_flush_is_reported_without_fallback() -> None:
    """What was called off needs no fallback."""
    served: list[int] = []

    async def clumsy(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        try:
            async for output in talk(self, item):
                yield output
        except asyncio.CancelledError:
            raise OSError("the pipe is broken") from None

    async def spare(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        served.append(item.number)
        yield item

    ended = interrupted([service(clumsy), service(spare)])
    assert served == []
    assert [failure.answered_by for failure in ended.report.failures] == [""]
    assert numbers(ended.packets) == [100, *SECOND_TURN]


def test_service_finish_gives_the_last_outputs() -> None:
    """The last sentence is spoken when the stream ends; a finish that fails is reported."""

    class Last(Serve):
        into = Input(Item)

        async def finish(self) -> AsyncIterator[Packet]:
            yield items([99])[0]
            raise OSError("the disk is full")

    ended = play(Last, _give_two)
    assert numbers(ended.packets) == [1, 2, 99]
    assert len(ended.report.failures) == 1


async def _give_two(session: Session, tap: Tap) -> None:
    tap.put(*items([1, 2]))
    await session.clock.sleep(ms(10))


def test_service_that_does_not_stop_is_abandoned_and_named() -> None:
    """A node that hangs is replaced within its patience, and the report says in which line it hangs."""

    async def deeper(self: Node[Any]) -> None:
        await nap(self, seconds(5), swallow=True)

    async def hang(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 1:
            await deeper(self)
        yield Item(item.at, 10 * item.number + self.state.seen)

    ended = interrupted(service(hang))
    assert numbers(ended.packets) == [21]  # a fresh instance: it has seen one packet
    (abandoned,) = ended.abandoned
    assert abandoned.node == "node"
    assert any("deeper" in line for line in abandoned.where)
    assert abandoned.pts == ms(15) + CANCEL_GRACE
    assert ended.stopped[0].took == CANCEL_GRACE
    assert ended.stopped[0].late == ()
    # Named when it was abandoned, and again when the session closed and it still ran.
    assert [str(stuck).partition("\n")[0] for stuck in ended.report.stuck] == [
        "node did not stop when it was cancelled",
        "node Item did not stop in time",
    ]


def test_abandoned_service_outputs_are_dropped() -> None:
    """Neither packets nor events of the old instance get out, even for a live cause."""

    class Late(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def handle(self, item: Item) -> AsyncIterator[News]:
            await nap(self, seconds(1) if item.number == 1 else 0, swallow=True)
            yield News(item.number)

    tap = Tap()
    heard: list[News] = []

    async def drive(session: Session) -> None:
        session.wiring.nodes["end"].routes[News] = heard.append
        first = session.causes.begin("first")
        tap.put(of(first, 1))
        await session.clock.sleep(ms(1))
        session.causes.revoke(first, "tap")
        tap.put(*items([2]))
        await session.clock.sleep(seconds(3))
        tap.shut()

    report = run(planned({"tap": tap.node(), "end": Late}, "tap -> end"), drive)
    assert numbers(heard) == [2]
    assert len(report.stuck) == 1  # it did end, late


def test_service_cancel_is_repeated_when_swallowed_once() -> None:
    """A cancel is an edge: a node that loses the first still ends within its patience."""

    async def hard_of_hearing(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 1:
            try:
                await self.clock.sleep(seconds(9))
            except asyncio.CancelledError:
                await self.clock.sleep(seconds(9))
        yield item

    ended = interrupted(service(hard_of_hearing))
    assert ended.stopped[0].took == CANCEL_GRACE // 2
    assert ended.abandoned == []


class Returns(Serve):
    """Returns what it should yield."""

    into = Input(Item)

    @into.each
    async def give(self, item: Item) -> Any:
        """Lost, if nobody says so."""
        return (item,)


def test_service_handler_that_returns_a_value_is_reported() -> None:
    """An author who forgot `yield` reads it in the first run."""

    class Plain(Serve):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Any:
            return [item]

    for node, what in ((Returns, "tuple"), (Plain, "list")):
        (failure,) = play(node, _give_one).report.failures
        assert failure.message == f"its handler returned a {what}, which goes nowhere"
        assert "yield" in failure.hint


def test_service_handler_may_return_a_generator() -> None:
    """Work that is shared by two ports needs no loop in each."""

    class Hands(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> Any:
            await self.clock.sleep(ms(1))
            return talk(self, item)

    assert numbers(play(Hands, _give_one).packets) == [100 + n for n in range(10)]


class Panic(BaseException):
    """As raised by a library in Rust: no Exception."""


def test_service_panic_is_a_failure_with_fallback() -> None:
    """A service whose library panics is not deaf in silence, and its fallback answers."""

    class Panics(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            raise Panic("index out of range")
            yield item

    ended = play([Panics, Serve], _give_one)
    assert numbers(ended.packets) == [1]
    assert [failure.message for failure in ended.report.failures] == ["raised Panic('index out of range')"]


async def _give_one(session: Session, tap: Tap) -> None:
    tap.put(*items([1]))
    await session.clock.sleep(seconds(1))


def test_abandoned_service_cannot_change_the_state_of_its_successor() -> None:
    """The old work still runs when it wakes up; the new one must not find its traces."""

    async def hang(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 1:
            await nap(self, seconds(1), swallow=True)
            self.state.seen += 100
        yield Item(item.at, self.state.seen)

    async def script(session: Session, tap: Tap) -> None:
        first = session.causes.begin("first")
        tap.put(of(first, 1))
        await session.clock.sleep(ms(15))
        session.causes.revoke(first, "tap")
        await session.clock.sleep(seconds(2))
        tap.put(*items([2]))
        await session.clock.sleep(ms(1))

    ended = play(service(hang), script)
    assert len(ended.abandoned) == 1
    assert numbers(ended.packets) == [1]
