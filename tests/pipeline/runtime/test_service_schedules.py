"""Services under random schedules of turns and flushes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Cause
from pipeline.node import Node, Sink
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input
from pipeline.runtime.session import Session
from tests.pipeline.kit import (
    Item,
    Tap,
    of,
    planned,
    queue,
    run,
)
from tests.pipeline.runtime.serving import nap, service

HABITS = ["plain", "swallows", "cleans", "says goodbye", "hangs", "fails"]
Moves = list[tuple[str, int, int]]


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from(HABITS), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.sampled_from(["turn", "more", "revoke"]), st.integers(0, 5), st.integers(0, 40)), max_size=14
    ),
    st.integers(1, 3),
    st.sampled_from([0, 3]),
)
def test_service_drops_only_stale_packets_in_any_schedule(
    habits: list[str], moves: Moves, count: int, takes: int
) -> None:
    """Random schedules over all habits of handlers: the fence holds, other turns are whole, the node lives on."""

    async def handle(self: Node[Any], item: Item) -> AsyncIterator[Item]:
        habit = habits[item.number % len(habits)]
        try:
            for n in range(4):
                await nap(self, ms(3), swallow=habit == "swallows")
                yield Item(item.at, item.number * 10 + n)
        except asyncio.CancelledError:
            if habit == "hangs":
                await nap(self, seconds(9), swallow=True)
            if habit == "fails":
                raise OSError("broken") from None
            raise
        finally:
            if habit == "cleans":
                await self.clock.sleep(ms(4))
            if habit == "says goodbye":
                yield Item(item.at, item.number * 10 + 9)

    dead: dict[int, int] = {}
    whole: list[int] = []

    async def script(session: Session, tap: Tap) -> None:
        turns: list[Cause] = []
        made: list[tuple[Cause, int]] = []
        for what, which, wait in [*moves, ("turn", 0, 0), ("more", 0, 1)]:
            if what == "turn" or not turns:
                turns.append(session.causes.begin("turn"))
            elif what == "more":
                made.append((turns[which % len(turns)], len(made)))
                if made[-1][0].live:
                    tap.put(of(*made[-1]))
            else:
                cause = turns[which % len(turns)]
                if cause.live:
                    dead.update({number: session.clock.now() for of_cause, number in made if of_cause is cause})
                    session.causes.revoke(cause, "tap")
            await session.clock.sleep(ms(wait))
        await session.clock.sleep(seconds(20))
        whole.extend(number for cause, number in made if cause.live)

    heard_at: list[tuple[int, int]] = []

    class Keeper(Sink[NoParams]):
        into = Input(Item)

        @into.each
        async def keep(self, item: Item) -> None:
            await self.clock.sleep(ms(takes))
            if not item.is_stale:
                heard_at.append((item.number, self.clock.now()))

    tap = Tap()

    async def drive(session: Session) -> None:
        await script(session, tap)
        tap.shut()

    made = planned(
        {"tap": tap.node(), "node": service(handle), "end": Keeper}, "tap -> node", ("node -> end", queue(count))
    )
    report = run(made, drive)
    for number, at in heard_at:
        assert number // 10 not in dead or at <= dead[number // 10]
    for number in whole:
        plain = [n for n, _ in heard_at if n // 10 == number and n % 10 != 9]
        assert plain == [number * 10 + n for n in range(4)]
    assert report.links[1].peak <= count + 1
