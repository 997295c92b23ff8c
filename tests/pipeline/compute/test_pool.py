"""Pools: one job at a time in a model, every caller served, nothing left open."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Literal

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pool, Pooled
from pipeline.compute.scheduler import Scheduler
from pipeline.params import Params
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share
from tests.pipeline.compute.makers import hold

THREADS = share(Executor(3))
MS = 0.001


class Model:
    """Notices when two jobs are in it at the same time, and counts its open streams."""

    def __init__(self) -> None:
        self.inside = 0
        self.clashes = 0
        self.opened = 0
        self.closed = 0
        self.entered = threading.Event()

    def compute(self, value: int, seconds: float = 0) -> int:
        self.inside += 1
        self.clashes += self.inside > 1
        self.entered.set()
        time.sleep(seconds)
        self.inside -= 1
        return value

    def count(self, to: int, seconds: float = 0) -> Iterator[int]:
        self.opened += 1
        try:
            for value in range(to):
                yield self.compute(value, seconds)
        finally:
            self.compute(0, seconds)
            self.closed += 1


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def pool(model: Model) -> Pool[Model]:
    return Pool(model, Scheduler(THREADS))


def test_pool_runs_a_job(pool: Pool[Model]) -> None:
    assert run_virtual(pool.run(lambda model: model.compute(7))) == 7


def test_pool_streams_from_a_generator(pool: Pool[Model], model: Model) -> None:
    async def main() -> list[int]:
        return [value async for value in pool.stream(lambda model: model.count(3))]

    assert run_virtual(main()) == [0, 1, 2]
    assert (model.opened, model.closed) == (1, 1)


def test_pool_streams_from_a_plain_iterator(pool: Pool[Model]) -> None:
    """Not every library yields from a generator that can be closed."""

    async def main() -> list[int]:
        async for value in pool.stream(lambda _: iter([1, 2, 3])):
            first = value
            break
        return [first, *[value async for value in pool.stream(lambda _: iter([4, 5]))]]

    assert run_virtual(main()) == [1, 4, 5]


def test_pool_serves_callers_in_order_of_arrival(pool: Pool[Model]) -> None:
    """A caller that asks again and again must not starve the others."""
    served: list[str] = []

    async def caller(name: str) -> None:
        for _ in range(3):
            await pool.run(lambda model: model.compute(0))
            served.append(name)

    async def main() -> None:
        await asyncio.gather(*(caller(name) for name in "abc"))

    run_virtual(main())
    assert served == list("abcabcabc")


def test_pool_instance_stays_taken_after_its_caller_is_cancelled(pool: Pool[Model], model: Model) -> None:
    """Its thread is still inside: the next job would run into it."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5 * MS):
                await pool.run(lambda model: model.compute(1, 30 * MS))
        assert loop.time() == 5 * MS
        assert await pool.run(lambda model: model.compute(2)) == 2
        return loop.time()

    assert run_virtual(main(), "measured") >= 30 * MS
    assert model.clashes == 0


@pytest.mark.parametrize("factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_pool_caller_cancelled_on_a_live_loop_causes_no_clash(
    pool: Pool[Model], model: Model, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """The same where results come through `call_soon_threadsafe`."""

    async def main() -> list[int]:
        cancelled = asyncio.create_task(pool.run(lambda model: model.compute(1, 20 * MS)))
        await asyncio.sleep(5 * MS)
        cancelled.cancel()
        return list(await asyncio.gather(*(pool.run(partial(Model.compute, value=n)) for n in range(5))))

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(main()) == [0, 1, 2, 3, 4]
    assert model.clashes == 0


def test_pool_closes_an_abandoned_stream_before_the_next_job(pool: Pool[Model], model: Model) -> None:
    """A model left in the middle of an answer would go on with it in the next one."""

    async def main() -> int:
        words = pool.stream(lambda model: model.count(1000))
        async for value in words:
            if value == 2:
                break
        await words.aclose()
        return await pool.run(lambda model: model.closed)

    assert run_virtual(main()) == 1
    assert model.clashes == 0


def test_pool_closes_a_stream_cancelled_while_opening(pool: Pool[Model], model: Model) -> None:
    """The iterator comes into being after its caller has left."""

    async def reading() -> None:
        async for _ in pool.stream(lambda model: model.count(1000, 20 * MS)):
            pytest.fail("it had left")

    async def main() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5 * MS):
                await reading()
        return await pool.run(lambda model: model.closed)

    assert run_virtual(main(), "measured") == 1
    assert model.clashes == 0


def test_pool_errors_reach_the_caller_and_free_the_instance(pool: Pool[Model]) -> None:
    def fail(_: Model) -> Iterator[int]:
        yield 1
        raise ValueError("no such word")

    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda _: 1 // 0)
        with pytest.raises(ValueError, match="no such word"):
            _ = [value async for value in pool.stream(fail)]
        with pytest.raises(ZeroDivisionError):
            _ = [value async for value in pool.stream(lambda _: iter([1 // 0]))]
        return await pool.run(lambda model: model.compute(3))

    assert run_virtual(main()) == 3


def test_pool_job_refused_by_the_executor_frees_the_instance(model: Model) -> None:
    """After the end of the compute threads every caller gets an error, none waits."""
    executor = Executor(1)
    executor.shutdown(wait=True)
    pool = Pool(model, Scheduler(executor))

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="shut down"):
                await pool.run(lambda model: model.compute(3))

    run_virtual(main())


def test_pool_passes_on_a_grant_to_a_cancelled_caller(pool: Pool[Model]) -> None:
    """An instance granted to a caller that is cancelled in the same moment would be lost."""

    async def main() -> int:
        held = await hold(pool)
        waiting = asyncio.create_task(pool.run(lambda model: model.compute(1)))
        third = asyncio.create_task(pool.run(lambda model: model.compute(3)))
        await asyncio.sleep(MS)
        await held.aclose()
        waiting.cancel()
        return await third

    assert run_virtual(main()) == 3


def test_pool_skips_a_caller_cancelled_before_its_grant(pool: Pool[Model]) -> None:
    async def main() -> int:
        held = await hold(pool)
        waiting = asyncio.create_task(pool.run(lambda model: model.compute(1)))
        await asyncio.sleep(MS)
        waiting.cancel()
        await held.aclose()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        return await pool.run(lambda model: model.compute(3))

    assert run_virtual(main()) == 3


def test_pool_forgets_callers_that_give_up(pool: Pool[Model]) -> None:
    """The queue would grow with every caller that did not want to wait."""

    async def main() -> int:
        async with pool.lease():
            for _ in range(20):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(MS):
                        await pool.run(lambda model: model.compute(0))
            return pool.statistics().waiting

    assert run_virtual(main()) == 0


def test_pool_stack_shows_where_its_thread_is(pool: Pool[Model]) -> None:
    """A model that does not answer is named by the line it hangs in."""
    entered, leave = threading.Event(), threading.Event()

    def decoding(_: Model) -> None:
        entered.set()
        leave.wait(10)

    async def main() -> tuple[str, ...]:
        job = asyncio.create_task(pool.run(decoding))
        await asyncio.to_thread(entered.wait, 10)
        stack = pool.stack()
        leave.set()
        await job
        return stack

    assert pool.stack() == ()
    with asyncio.Runner() as runner:
        assert any("decoding (test_pool.py:" in line for line in runner.run(main()))
    assert pool.stack() == ()


def test_pool_refuses_another_event_loop(pool: Pool[Model], model: Model) -> None:
    """Two loops would not see each other's leases, even when the first one is closed with a job in the model."""

    async def leaves_at_once() -> None:
        task = asyncio.create_task(pool.run(slow))
        await asyncio.to_thread(model.entered.wait, 10)
        task.cancel()
        await asyncio.wait([task])

    def slow(model: Model) -> int:
        return model.compute(1, 50 * MS)

    async def lease() -> None:
        async with pool.lease():
            pytest.fail("it was lent")

    asyncio.run(leaves_at_once())
    assert model.inside
    for use in (pool.run(lambda model: model.compute(2)), anext(pool.stream(lambda model: model.count(1))), lease()):
        with pytest.raises(RuntimeError, match="serve one event loop: make a Runner in each loop"):
            run_virtual(_awaiting(use))
    assert model.clashes == 0


async def _awaiting(use: Awaitable[object]) -> None:
    await use


def test_pooled_declared_on_a_class_gives_its_nodes_the_pool(pool: Pool[Model]) -> None:
    class Settings(Params):
        voice: str = "joe"

    class Node:
        engine = Pooled(lambda _: Model())
        context = SimpleNamespace(pools={"engine": pool})

    other = Pooled(Node.engine.load, key=lambda params: params.voice)
    assert Node.engine.name == "engine"
    assert Node().engine is pool
    assert Node.engine.key(Settings()) == Node.engine.key(Settings(voice="joe")) != Node.engine.key(Settings(voice="x"))
    assert other.key(Settings()) == (Node.engine.load, "joe")


@dataclass
class Caller:
    """One caller in a random schedule; times in steps of 0.2 ms of virtual time."""

    kind: Literal["run", "stream"]
    start: int
    work: int
    leave: int | None
    """Cancelled so long after its start."""
    items: int = 3
    got: list[int] = field(default_factory=list)
    wants: int = 3

    async def call(self, pool: Pool[Model]) -> None:
        await asyncio.sleep(self.start * MS / 5)
        seconds = self.work * MS / 10
        if self.kind == "run":
            self.got.append(await pool.run(lambda model: model.compute(-1, seconds)))
            return
        stream = pool.stream(lambda model: model.count(self.items, seconds))
        try:
            async for value in stream:
                self.got.append(value)
                if value + 1 == self.wants:
                    break
        finally:
            await stream.aclose()

    @property
    def expected(self) -> list[int]:
        return [-1] if self.kind == "run" else list(range(min(self.items, self.wants)))


callers = st.lists(
    st.builds(
        Caller,
        kind=st.sampled_from(["run", "stream"]),
        start=st.integers(0, 5),
        work=st.integers(0, 4),
        leave=st.none() | st.integers(0, 12),
        items=st.integers(0, 3),
        wants=st.integers(1, 4),
        got=st.builds(list),
    ),
    min_size=1,
    max_size=8,
)


async def play(schedule: list[Caller], pool: Pool[Model]) -> list[BaseException | None]:
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(caller.call(pool)) for caller in schedule]
    for caller, task in zip(schedule, tasks, strict=True):
        if caller.leave is not None:
            loop.call_later((caller.start + caller.leave) * MS / 5, task.cancel)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


@pytest.mark.parametrize("latency", ["zero", "measured"])
@settings(max_examples=60, deadline=None)
@given(schedule=callers)
def test_pool_serves_every_caller_without_clashes_in_any_schedule(
    latency: Literal["zero", "measured"], schedule: list[Caller]
) -> None:
    """Never two jobs in a model; every caller that stays is served; every stream is closed."""
    model = Model()
    pool = Pool(model, Scheduler(THREADS))

    async def main() -> int:
        ends = await play(schedule, pool)
        for caller, end in zip(schedule, ends, strict=True):
            assert end is None or (isinstance(end, asyncio.CancelledError) and caller.leave is not None)
            assert caller.got == caller.expected if end is None else caller.got == caller.expected[: len(caller.got)]
        return await pool.run(lambda model: model.compute(9))

    assert run_virtual(main(), latency) == 9
    assert model.clashes == 0
    assert model.opened == model.closed
    assert pool.statistics().active == pool.statistics().waiting == 0


@settings(max_examples=20, deadline=None)
@given(schedule=callers)
def test_pool_order_is_deterministic(schedule: list[Caller]) -> None:
    """The order in which callers are served must not depend on the threads."""

    def once() -> list[tuple[int, int]]:
        order: list[tuple[int, int]] = []

        class Noting(list[int]):
            def __init__(self, who: int) -> None:
                super().__init__()
                self.who = who

            def append(self, value: int) -> None:
                order.append((self.who, value))

        for who, caller in enumerate(schedule):
            caller.got = Noting(who)
        run_virtual(play(schedule, Pool(Model(), Scheduler(THREADS))))
        return order

    assert once() == once()
