"""Services: whatever a handler does with its cancellation, a flush is sound and the node goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from pipeline.node import Node, Sink
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Sends
from pipeline.runtime.session import Session
from tests.pipeline.kit import (
    Item,
    Lasting,
    News,
    Serve,
    Tap,
    items,
    numbers,
    of,
    planned,
    run,
    sink,
    source,
)
from tests.pipeline.runtime.serving import SECOND_TURN, interrupted, play, service, talk


def test_service_flush_cancels_work_and_the_next_turn_is_complete() -> None:
    """The answer that was interrupted stops; the next one is heard."""
    ended = interrupted(service(talk))
    assert numbers(ended.packets) == [100, *SECOND_TURN]
    assert [(flushed.late, flushed.took < ms(1)) for flushed in ended.stopped] == [((), True)]
    assert (ended.report.failures, ended.report.stuck, ended.abandoned) == ([], [], [])


def test_service_output_after_a_swallowed_cancel_is_dropped() -> None:
    """A node that catches what it must not still says nothing of the dead turn."""

    async def deaf(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        for n in range(10):
            with suppress(asyncio.CancelledError):
                await self.clock.sleep(ms(10))
            yield Item(item.at, item.number * 100 + n)

    ended = interrupted(service(deaf))
    assert numbers(ended.packets) == [100, *SECOND_TURN]
    assert ended.abandoned == []


def test_service_output_in_a_finally_block_is_dropped() -> None:
    """A farewell of a dead answer is not spoken."""

    async def polite(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        try:
            async for output in talk(self, item):
                yield output
        finally:
            yield Item(item.at, item.number * 100 + 99)

    ended = interrupted(service(polite))
    assert 199 not in numbers(ended.packets)
    assert numbers(ended.packets)[-1] == 299


def test_service_flush_waits_for_async_cleanup() -> None:
    """Closing a connection takes a moment: the flush waits for it and the next turn begins after it."""
    log: list[tuple[str, int]] = []

    async def tidy(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        log.append((f"begin {item.number}", self.clock.now()))
        try:
            async for output in talk(self, item):
                yield output
        finally:
            await self.clock.sleep(ms(100))
            log.append((f"clean {item.number}", self.clock.now()))

    ended = interrupted(service(tidy))
    assert [what for what, _ in log] == ["begin 1", "clean 1", "begin 2", "clean 2"]
    assert ended.stopped[0].took == ms(100)
    assert numbers(ended.packets) == [100, *SECOND_TURN]


def test_service_flush_frees_work_blocked_by_a_full_queue() -> None:
    """An answer that is blocked by a slow sink does not block the interruption."""

    async def much(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        for n in range(10):
            yield Item(item.at, item.number * 100 + n)

    ended = interrupted(service(much), takes=ms(50), count=1)
    assert [n for n in numbers(ended.packets) if n < 200] == []
    assert numbers(ended.packets) == SECOND_TURN
    assert ended.stopped[0].took == 0


def test_service_flush_cancels_task_groups_and_timeouts() -> None:
    """What a node builds of asyncio works under a flush."""

    async def grouped(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.clock.sleep(ms(20))) for _ in range(3)]
        yield Item(item.at, item.number * 100 + len(tasks))

    ended = interrupted(service(grouped))
    assert numbers(ended.packets) == [203]
    assert ended.report.failures == []


def test_service_may_revoke_the_cause_it_is_working_on() -> None:
    """The node that decides is not cancelled in the middle of its decision, and its own dead output is fenced."""
    log: list[str] = []

    async def decide(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        if item.number == 1:
            self.causes.revoke(item.at.cause, "tap")
            await self.clock.sleep(ms(1))
            log.append("went on")
        yield item

    async def script(session: Session, tap: Tap) -> None:
        first = session.causes.begin("first")
        tap.put(of(first, 1), *items([2]))
        await session.clock.sleep(seconds(1))

    ended = play(service(decide), script)
    assert log == ["went on"]
    assert numbers(ended.packets) == [2]
    assert ended.stopped[0].late == ()


def test_service_state_is_reset_after_a_flush_for_every_member() -> None:
    """What a node remembered of the answer that was called off is gone."""

    async def counts(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        yield Item(item.at, self.state.seen)

    async def script(session: Session, tap: Tap) -> None:
        cause = session.causes.begin("turn")
        tap.put(*(of(cause, n) for n in range(3)))
        await session.clock.sleep(ms(10))
        session.causes.revoke(cause, "tap")
        tap.put(*items([5]))
        await session.clock.sleep(ms(10))

    assert numbers(play(service(counts), script).packets) == [0 + 1, 2, 3, 1]


def test_service_state_is_reset_only_after_work_on_another_cause_ends() -> None:
    """A flush takes nothing away under the hands of work that goes on; it is new right after."""

    async def counts(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        yield Item(item.at, self.state.seen)
        await self.clock.sleep(ms(10))
        yield Item(item.at, self.state.seen)

    async def script(session: Session, tap: Tap) -> None:
        tap.put(*items([1]))
        await session.clock.sleep(ms(5))
        session.causes.revoke(session.causes.begin("another"), "tap")
        await session.clock.sleep(ms(10))
        tap.put(*items([2]))
        await session.clock.sleep(ms(20))

    assert numbers(play(service(counts), script).packets) == [1, 1, 1, 1]


def test_service_flush_does_not_cancel_work_on_a_survivor() -> None:
    """The words that were really said reach the history, even if the person went on."""

    async def slow(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        await self.clock.sleep(ms(100))
        yield Lasting(item.at, item.number)
        yield Item(item.at, item.number + 1)
        await self.clock.sleep(seconds(9))

    async def script(session: Session, tap: Tap) -> None:
        turn = session.causes.begin("turn")
        session.causes.commit(turn)
        tap.put(of(turn, 1, Lasting))
        await session.clock.sleep(ms(10))
        session.causes.revoke(turn, "tap")
        await session.clock.sleep(seconds(1))

    ended = play(service(slow), script)
    assert numbers(ended.packets) == [1]  # and its work ends at the first output that may not leave
    assert ended.stopped[0].took == 0
    assert ended.report.duration < seconds(2)


def test_service_flush_and_session_stop_may_coincide() -> None:
    """A hang-up in the middle of an interruption ends both."""
    clean: list[int] = []

    async def tidy(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        try:
            async for output in talk(self, item):
                yield output
        finally:
            clean.append(item.number)

    async def script(session: Session, tap: Tap) -> None:
        cause = session.causes.begin("turn")
        tap.put(of(cause, 1))
        await session.clock.sleep(ms(15))
        session.causes.revoke(cause, "tap")
        session.stop()

    ended = play(service(tidy), script)
    assert clean == [1]
    assert (ended.report.ended, ended.report.stuck, ended.report.failures) == ("stopped", [], [])


def test_sink_handler_that_waits_is_cancelled_by_a_flush() -> None:
    """What is being played stops at once, and its last event still goes up."""
    heard: list[Any] = []

    class Player(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def handle(self, item: Item) -> AsyncIterator[News]:
            try:
                await self.clock.sleep(seconds(5))
            finally:
                yield News(self.clock.now())

    tap = Tap()

    async def drive(session: Session) -> None:
        session.wiring.nodes["end"].routes[News] = heard.append
        cause = session.causes.begin("turn")
        tap.put(of(cause))
        await session.clock.sleep(ms(30))
        session.causes.revoke(cause, "tap")
        tap.shut()

    run(planned({"tap": tap.node(), "end": Player}, "tap -> end"), drive)
    assert numbers(heard) == [ms(30)]


def test_service_ends_only_when_all_its_inputs_have_ended() -> None:
    """A second input that goes on is still served."""
    ended: list[Item] = []
    made = planned(
        {"a": source(items([1])), "b": source(items([2, 3]), every=ms(50)), "s": Serve, "end": sink(ended)},
        "a -> s",
        "b -> s",
        "s.out -> end",
    )
    run(made)
    assert sorted(numbers(ended)) == [1, 2, 3]


@pytest.mark.parametrize("decided", ["commit", "revoke"])
def test_gated_service_waits_for_the_decision(decided: str) -> None:
    """What costs or cannot be undone is not done for a guess."""
    done: list[int] = []

    class Careful(Serve):
        into = Input(Item, gated=True)

        @into.each
        async def handle(self, item: Item) -> AsyncIterator[Item]:
            done.append(self.clock.now())
            yield item

    async def script(session: Session, tap: Tap) -> None:
        cause = session.causes.begin("turn")
        tap.put(of(cause, 1))
        await session.clock.sleep(ms(40))
        if decided == "commit":
            session.causes.commit(cause)
        else:
            session.causes.revoke(cause, "tap")

    ended = play(Careful, script)
    assert done == ([ms(40)] if decided == "commit" else [])
    assert len(ended.packets) == len(done)
