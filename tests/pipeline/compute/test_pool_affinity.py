"""The instance that a session gets: the one that it had last, where that is free."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Hashable

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compute.instance import MAX_SESSIONS
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.pool import Pool
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.compute.makers import MS, Maker, Model, hold


async def filled(most: int) -> Pool[Model]:
    """A pool whose instances are all made."""
    pool = Maker().pool(most, most)
    pool.fill()
    await asyncio.sleep(1)
    return pool


def compute(pool: Pool[Model], session: Hashable, seconds: float = 0) -> asyncio.Task[int]:
    """Which model the session computes with."""

    async def main() -> int:
        JOB_CONTEXT.set(JobContext(session=session))
        return await pool.run(lambda model: model.compute(model.number, seconds))

    return asyncio.create_task(main())


def test_pool_affinity_keeps_the_instance_of_each_session() -> None:
    """Two conversations would be read anew by the other's model at each of their questions."""

    async def main() -> list[int]:
        pool = await filled(2)
        return [await compute(pool, session) for session in "abbaababba"]

    a, b, *rest = run_virtual(main())
    assert {a, b} == {1, 2}
    assert rest == [b, a, a, b, a, b, b, a]


def test_pool_affinity_uses_another_instance_when_the_last_is_taken() -> None:
    """Memory of a conversation saves time; waiting for it would lose more."""

    async def main() -> tuple[int, int, int]:
        pool = await filled(2)
        first = await compute(pool, "a")
        long = compute(pool, "a", 20 * MS)
        await asyncio.sleep(MS)
        other = await compute(pool, "a")
        return first, await long, other

    first, again, other = run_virtual(main(), "measured")
    assert first == again != other


def test_pool_affinity_remembers_the_instance_granted_after_a_wait() -> None:
    """Under load every caller waits, and gets the instance that becomes free."""

    async def main() -> tuple[int, list[int]]:
        pool = await filled(2)
        held = [await hold(pool) for _ in range(2)]
        waiting = compute(pool, "a")
        await asyncio.sleep(MS)
        for each in reversed(held):
            await each.aclose()
        return await waiting, [await compute(pool, session) for session in "abba"]

    got, later = run_virtual(main())
    other = 3 - got
    assert later == [got, other, other, got]


def test_pool_affinity_spreads_new_sessions() -> None:
    """One model would read all conversations, and the other one none."""

    async def main() -> list[int]:
        pool = await filled(3)
        return [await compute(pool, session) for session in range(6)]

    numbers = run_virtual(main())
    assert sorted(numbers[:3]) == [1, 2, 3] and numbers[3:] == numbers[:3]


class Session:
    """Something that must go when its call is over."""


def test_pool_affinity_keeps_no_session_alive() -> None:
    """A host that answers calls for weeks would run out of memory."""

    async def main() -> None:
        pool = await filled(2)
        session = Session()
        gone = weakref.ref(session)
        await compute(pool, session)
        del session
        for number in range(10 * MAX_SESSIONS):
            await compute(pool, number)
        gc.collect()
        assert gone() is None
        assert [len(each.served) for each in pool.instances.all] == [MAX_SESSIONS, MAX_SESSIONS]

    run_virtual(main())


def test_pool_of_one_instance_records_no_affinity() -> None:
    """There is nothing to choose, and nothing to pay for it."""

    async def main() -> Pool[Model]:
        pool = Maker().pool()
        await compute(pool, "a")
        return pool

    assert [each.served for each in run_virtual(main()).instances.all] == [{}]


@settings(deadline=None)
@given(sessions=st.lists(st.integers(0, 5), max_size=30), most=st.integers(2, 4))
def test_pool_affinity_always_gives_a_lone_session_the_same_instance(sessions: list[int], most: int) -> None:
    """Whichever sessions call in between."""

    async def main() -> None:
        pool, had = await filled(most), dict[int, int]()
        for session in sessions:
            number = await compute(pool, session)
            assert had.setdefault(session, number) == number
        await pool.close()

    run_virtual(main())
