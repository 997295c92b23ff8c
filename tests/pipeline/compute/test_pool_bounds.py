"""Pools as large as graphs ask for: the largest of what they ask, at once, and never larger."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.compute.errors import PoolExhausted
from pipeline.compute.pool import Pool, Pooled
from pipeline.compute.pool_spec import PoolBounds
from pipeline.compute.resources import Resources
from pipeline.node import Service
from pipeline.packet import SECOND
from pipeline.params import NoParams, seconds
from pipeline.port import Input, Output
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.compute.makers import MS, THREADS, Maker, Model, hold, now
from tests.pipeline.compute.test_pool_schedules import Asking, schedules
from tests.pipeline.kit import Item, items, member, planned, sink, source


async def work(pool: Pool[Model], callers: int) -> set[int]:
    """The models with which this many concurrent callers computed."""
    return set(await asyncio.gather(*(pool.run(lambda model: model.compute(model.number, MS)) for _ in range(callers))))


def test_pool_bounds_of_a_graph_set_size_and_wait() -> None:
    """The author of a graph knows the memory and cores of the machine; the author of a node does not."""
    maker = Maker()
    pooled = Pooled(lambda _: maker())

    async def main() -> float:
        resources = Resources(THREADS)
        pool = await resources.get(pooled, NoParams(), bounds=PoolBounds(min=2, max=3, wait=seconds(5)))
        await asyncio.sleep(1)
        assert maker.made == 2
        assert await work(pool, 10) == {1, 2, 3}
        held = [await hold(pool) for _ in range(3)]
        began = now()
        with pytest.raises(PoolExhausted, match=r"waited 5 s .* which has 3 .*\n.*raise `max` of its `pool`"):
            await pool.run(lambda model: model.compute(0))
        for each in held:
            await each.aclose()
        return now() - began

    assert run_virtual(main(), "measured") == pytest.approx(5)
    assert maker.most == 3


def test_pool_request_without_bounds_keeps_the_current_bounds() -> None:
    """A probe that comes first would keep callers waiting for its class's half a minute."""
    pooled = Pooled(lambda _: Maker()(), size=lambda _: (1, 1))

    async def main() -> tuple[int, int, int]:
        resources = Resources(THREADS)
        pool = await resources.get(pooled, NoParams())
        await resources.get(pooled, NoParams(), bounds=PoolBounds(max=2, wait=seconds(5)))
        await resources.get(pooled, NoParams())
        spec = pool.instances.spec
        return spec.min_size, spec.max_size, spec.wait

    assert run_virtual(main()) == (1, 2, 5 * SECOND)


def test_pool_bounds_raised_later_serve_callers_already_waiting() -> None:
    """The larger bounds of another graph help all callers that wait for the same model."""
    maker = Maker(seconds=MS)
    pooled = Pooled(lambda _: maker())

    async def main() -> tuple[int, int]:
        resources = Resources(THREADS)
        pool = await resources.get(pooled, NoParams(), bounds=PoolBounds(max=1))
        held = await hold(pool)
        waiting = asyncio.create_task(pool.run(lambda model: model.number))
        await asyncio.sleep(1)
        assert not waiting.done()
        assert await resources.get(pooled, NoParams(), bounds=PoolBounds(max=2)) is pool
        second = await waiting
        await resources.get(pooled, NoParams(), bounds=PoolBounds(max=1))
        await held.aclose()
        return second, pool.statistics().size

    assert run_virtual(main(), "measured") == (2, 2)


def test_pool_bounds_requested_during_load_count() -> None:
    """Two graphs that start at the same time: the second one's word would be lost."""
    maker = Maker(seconds=MS)
    pooled = Pooled(lambda _: maker())

    async def main() -> None:
        resources = Resources(THREADS)
        asks = (PoolBounds(max=2), PoolBounds(min=3, max=3), None)
        await asyncio.gather(*(resources.get(pooled, NoParams(), bounds=bounds) for bounds in asks))
        await asyncio.sleep(1)

    run_virtual(main(), "measured")
    assert maker.made == 3


def test_pool_does_not_make_more_instances_while_prefilling() -> None:
    """One model more than the memory has room for."""
    maker = Maker(seconds=MS)

    async def main() -> None:
        resources = Resources(THREADS)
        pool = await resources.get(Pooled(lambda _: maker()), NoParams(), bounds=PoolBounds(min=2, max=2))
        await work(pool, 4)
        await asyncio.sleep(1)
        assert pool.statistics().size == 2

    run_virtual(main(), "measured")
    assert maker.most == 2


def test_pool_wait_of_a_caller_is_not_extended_by_later_bounds() -> None:
    """Its error would name a deadline that was never set, and would not be retried."""
    pool = Maker().pool(wait=5 * SECOND)

    async def main() -> float:
        async with pool.lease():
            waiting = asyncio.ensure_future(pool.run(lambda model: model.compute(0)))
            await asyncio.sleep(1)
            pool.instances.spec.widen(PoolBounds(wait=seconds(60)))
            with pytest.raises(PoolExhausted, match="waited 5 s"):
                await waiting
            return now()

    assert run_virtual(main()) == 5.0


def test_pool_bounds_with_max_below_min_are_refused() -> None:
    """One of the two was meant otherwise."""
    with pytest.raises(ValidationError, match="`max` is 1, less than `min`, which is 2"):
        PoolBounds(min=2, max=1)


@pytest.mark.parametrize(
    ("bounds", "least", "most", "wait"),
    [
        (PoolBounds(wait=seconds(5)), 2, 8, 5),
        (PoolBounds(max=1), 1, 1, 30),
        (PoolBounds(max=9), 2, 9, 30),
        (PoolBounds(min=1), 1, 8, 30),
        (PoolBounds(min=9), 9, 9, 30),
    ],
)
def test_pool_bounds_left_out_default_to_those_of_the_class(
    bounds: PoolBounds, least: int, most: int, wait: int
) -> None:
    """A graph that sets only a shorter wait would have one connection instead of many."""
    spec = Pooled(lambda _: None, size=lambda _: (2, 8)).spec(NoParams())
    spec.widen(bounds)
    assert (spec.min_size, spec.max_size, spec.wait) == (least, most, wait * SECOND)


class Counts(Service[NoParams]):
    """Says which model it computed with."""

    into = Input(Item)
    out = Output(Item)
    engine = Pooled(lambda _: Maker()())

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """One item."""
        yield Item(item.at, await self.engine.run(lambda model: model.number))


def test_pool_bounds_of_a_graph_reach_the_pool() -> None:
    """The word would be read, checked and without effect."""
    asking = replace(member(Counts), pool=PoolBounds(min=2, max=4))
    plan = planned({"a": source(items([1])), "b": asking, "c": sink([])}, "a -> b -> c")

    async def main() -> list[tuple[int, int, int]]:
        async with Runner() as runner:
            await runner.session(plan).run()
            pools = [loaded.pool for loaded in runner.resources.loaded()]
            return [
                (pool.instances.spec.min_size, pool.instances.spec.max_size, pool.statistics().made) for pool in pools
            ]

    assert run_virtual(main()) == [(2, 4, 2)]


Numbers = tuple[int, int]
numbers = st.tuples(st.integers(1, 3), st.integers(0, 2)).map(lambda both: (both[0], sum(both)))
asks = st.lists(st.tuples(st.integers(0, 12), numbers), max_size=4)


@pytest.mark.parametrize("latency", ["zero", "measured"])
@settings(max_examples=60, deadline=None)
@given(schedule=schedules, first=numbers, asked=asks)
def test_pool_bounds_hold_in_any_schedule_of_requests(
    latency: Literal["zero", "measured"], schedule: list[Asking], first: Numbers, asked: list[tuple[int, Numbers]]
) -> None:
    """At no moment over the largest that was asked until then, and at the end as many as were asked for at least."""
    maker = Maker()
    pooled = Pooled(lambda _: maker())
    fewest, most = first

    async def ask(resources: Resources, after: int, bounds: Numbers) -> None:
        nonlocal fewest, most
        await asyncio.sleep(after * MS / 5)
        assert maker.alive <= most
        fewest, most = max(fewest, bounds[0]), max(most, bounds[1])
        await resources.get(pooled, NoParams(), bounds=PoolBounds(min=bounds[0], max=bounds[1]))

    async def main() -> None:
        resources, loop = Resources(THREADS), asyncio.get_running_loop()
        pool = await resources.get(pooled, NoParams(), bounds=PoolBounds(min=first[0], max=first[1]))
        tasks = [asyncio.create_task(asking.call(pool)) for asking in schedule]
        for asking, task in zip(schedule, tasks, strict=True):
            if asking.leave is not None:
                loop.call_later((asking.start + asking.leave) * MS / 5, task.cancel)
        await asyncio.gather(*(ask(resources, *each) for each in asked))
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(1)
        seen = pool.statistics()
        assert (seen.active, seen.waiting, pool.instances.pending) == (0, 0, 0)
        assert fewest <= seen.size == maker.alive == len(pool.instances.free)
        await resources.close()

    run_virtual(main(), latency)
    assert maker.most <= most
    assert (maker.clashes, maker.alive) == (0, 0)
