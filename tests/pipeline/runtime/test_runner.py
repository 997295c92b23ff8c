"""The runner: what sessions share, and an end that waits for nothing for ever."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.compute.pool import Pooled
from pipeline.errors import Stuck
from pipeline.graph.plan import Plan
from pipeline.params import NoParams, ms
from pipeline.port import Input
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import Item, Serve, items, numbers, planned, sink, source


class Model:
    """Counts how often it was loaded and closed."""

    loaded = 0
    closed = 0

    def close(self) -> None:
        """Counts."""
        Model.closed += 1


def load(_: NoParams) -> Model:
    """Counts."""
    Model.loaded += 1
    return Model()


class Uses(Serve):
    """Asks a model."""

    into = Input(Item)
    engine = Pooled(load)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """How often the model was loaded."""
        yield Item(item.at, await self.engine.run(lambda model: model.loaded))


@pytest.fixture(autouse=True)
def counted() -> None:
    Model.loaded = Model.closed = 0


def using(heard: list[Item]) -> Plan:
    """A graph that uses the model."""
    return planned({"a": source(items([1])), "b": Uses, "c": sink(heard)}, "a -> b", "b.out -> c")


def test_runner_shares_loaded_models_and_closes_them() -> None:
    """Ten calls do not load ten models."""
    heard: list[Item] = []

    async def main() -> None:
        async with Runner(workers=1) as runner:
            await asyncio.gather(*(runner.session(using(heard)).run() for _ in range(3)))
            assert Model.closed == 0

    run_virtual(main())
    assert numbers(heard) == [1, 1, 1]
    assert (Model.loaded, Model.closed) == (1, 1)


def test_runner_is_closed_after_an_error() -> None:
    """What goes wrong in a program leaves no model open, and is what is raised."""

    async def main() -> None:
        async with Runner(workers=1) as runner:
            await runner.session(using([])).run()
            raise KeyError("the program's own")

    with pytest.raises(KeyError, match="own"):
        run_virtual(main())
    assert Model.closed == 1


@pytest.fixture
def leave() -> Iterator[threading.Event]:
    """Lets go of what a test keeps stuck."""
    event = threading.Event()
    yield event
    event.set()


def stuck_runner(leave: threading.Event, *, fails: bool) -> None:
    """Leaves a runner while a model hangs in its thread."""
    entered = threading.Event()

    def hang_in_the_model() -> None:
        entered.set()
        leave.wait(10)

    async def main() -> None:
        async with Runner(workers=1) as runner:
            pool = await runner.resources.get(Pooled(load), NoParams())
            job = asyncio.ensure_future(pool.run(lambda _: hang_in_the_model()))
            while not entered.is_set():
                await asyncio.wait([job], timeout=0.001)
            job.cancel()
            if fails:
                raise KeyError("the program's own")

    asyncio.run(main())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that a test in real time can wait for."""
    monkeypatch.setattr("pipeline.runtime.runner.CLOSE_DEADLINE", ms(100))


@pytest.mark.usefixtures("hasty")
def test_runner_close_names_a_job_that_hangs_and_ends(leave: threading.Event) -> None:
    """A server that stops says which model hung, and stops."""
    with pytest.raises(Stuck) as caught:
        stuck_runner(leave, fails=False)
    assert any("hang_in_the_model" in line for line in caught.value.where)
    assert caught.value.where[0].startswith("compute-0: ")


@pytest.mark.usefixtures("hasty")
def test_runner_raises_the_program_error_before_stuck(leave: threading.Event) -> None:
    """Why it ended is worth more than that something hung then."""
    with pytest.raises(KeyError, match="own"):
        stuck_runner(leave, fails=True)


def test_runner_settle_freezes_loaded_objects_for_the_gc() -> None:
    """A full collection does not stop the voices for tens of milliseconds."""

    async def main() -> int:
        async with Runner(workers=1) as runner:
            runner.settle()
            return gc.get_freeze_count()

    before = gc.get_freeze_count()
    assert run_virtual(main()) > before
    assert gc.get_freeze_count() == 0, "a closed runner keeps nothing from being collected"


def test_runner_has_one_thread_per_core_or_as_configured() -> None:
    """The machine is used, and not more than it."""

    async def main() -> tuple[int, int]:
        async with Runner() as usual, Runner(workers=3) as three:
            return usual.executor.workers, three.executor.workers

    usual, three = run_virtual(main())
    assert (usual >= 1, three) == (True, 3)
