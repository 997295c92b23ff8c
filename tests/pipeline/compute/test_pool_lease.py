"""What lives in the event loop, such as connections: lent for a while, and closed there."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
from itertools import count

import pytest

from pipeline.compute.errors import Broken, PoolExhausted
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pool
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import ResourceError
from pipeline.packet import SECOND
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share

THREADS = share(Executor(2))


class Connection:
    """Notes in which thread it is closed."""

    def __init__(self) -> None:
        self.closed_in = 0

    async def aclose(self) -> None:
        await asyncio.sleep(1)
        self.closed_in = threading.get_ident()


def connections(made: list[Connection], most: int) -> Pool[Connection]:
    """So many at most, each noted as it is made."""

    def make() -> Connection:
        made.append(Connection())
        return made[-1]

    return Pool(make(), Scheduler(THREADS), PoolSpec(make, max_size=most, wait=3 * SECOND))


def test_pool_lease_lasts_for_the_block() -> None:
    """Two callers on one connection would get each other's answers."""
    pool, inside, most = connections([], 2), 0, 0

    async def use() -> None:
        nonlocal inside, most
        async with pool.lease():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(1)
            inside -= 1

    async def main() -> float:
        await asyncio.gather(*(use() for _ in range(5)))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3
    assert most == 2
    assert pool.statistics().active == 0


def test_pool_lease_ends_however_the_block_is_left() -> None:
    """An error, or a caller that is cancelled, does not use up a connection for good."""
    pool = connections([], 1)

    async def fail() -> None:
        async with pool.lease():
            raise KeyError

    async def stay() -> None:
        async with pool.lease():
            await asyncio.sleep(100)

    async def main() -> None:
        with pytest.raises(KeyError):
            await fail()
        staying = asyncio.create_task(stay())
        await asyncio.sleep(0)
        with pytest.raises(PoolExhausted):
            await stay()
        staying.cancel()
        await asyncio.wait([staying])
        async with pool.lease():
            assert pool.statistics().active == 1

    run_virtual(main())


def test_pool_closes_async_instances_in_the_event_loop() -> None:
    """A socket of the loop that a thread closes leaves the loop confused, or itself open."""
    made: list[Connection] = []
    pool = connections(made, 2)

    async def use(seconds: float) -> None:
        async with pool.lease():
            await asyncio.sleep(seconds)
            assert not any(each.closed_in for each in made[1:])

    async def main() -> float:
        using = asyncio.gather(use(1), use(5))
        await asyncio.sleep(0.5)
        await pool.close()
        await using
        with pytest.raises(ResourceError, match="has been closed"):
            await use(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 6  # The second one was in use until 5.
    assert [each.closed_in for each in made] == [threading.get_ident()] * 2


def test_pool_closes_a_broken_async_instance_in_the_event_loop() -> None:
    """Its socket would stay open for as long as the process runs."""
    made: list[Connection] = []
    pool = connections(made, 1)

    def crash(_: Connection) -> None:
        raise Broken("a wreck")

    async def main() -> None:
        with pytest.raises(Broken):
            await pool.run(crash)
        async with pool.lease() as connection:
            assert connection is made[1]
            assert made[0].closed_in == threading.get_ident()

    run_virtual(main())


def test_pool_close_error_is_raised_after_all_are_closed() -> None:
    """One dead line does not keep the others open."""
    closed: list[int] = []
    numbers = count()

    class Line:
        def __init__(self) -> None:
            self.number = next(numbers)

        async def aclose(self) -> None:
            closed.append(self.number)
            if self.number == 0:
                raise OSError("the line is dead")

    async def main() -> None:
        pool = Pool(Line(), Scheduler(THREADS), PoolSpec(Line, min_size=3, max_size=3))
        pool.fill()
        with pytest.raises(OSError, match="the line is dead"):
            await pool.close()

    run_virtual(main())
    assert sorted(closed) == [0, 1, 2]
