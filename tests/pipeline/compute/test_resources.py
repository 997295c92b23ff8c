"""Models are loaded once, and a load that fails says what to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pooled
from pipeline.compute.resources import Resources
from pipeline.errors import DependencyError, NetworkError, NodeError, ResourceError, UserInputError
from pipeline.packet import MILLISECOND
from pipeline.params import Params
from pipeline.runtime.virtual import run_virtual


class Voice(Params):
    """The settings of the loader below."""

    name: str = "joe"


class Loaded:
    """A model that can be closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def executor() -> Iterator[Executor]:
    executor = Executor(2)
    yield executor
    executor.shutdown(wait=True)


@pytest.fixture
def resources(executor: Executor) -> Resources:
    return Resources(executor)


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def test_resources_load_once_for_concurrent_requests(resources: Resources) -> None:
    """Ten calls would load a model ten times, and run out of memory."""
    loads: list[str] = []

    def load(params: Voice) -> object:
        loads.append(params.name)
        pause(0.01)
        return object()

    pooled = Pooled(load)

    async def main() -> None:
        same = await asyncio.gather(*(resources.get(pooled, Voice()) for _ in range(10)))
        assert all(pool is same[0] for pool in [*same, await resources.get(pooled, Voice())])
        assert await resources.get(pooled, Voice(name="amy")) is not same[0]

    run_virtual(main())
    assert loads == ["joe", "amy"]


def test_resources_load_continues_after_its_callers_are_cancelled(resources: Resources) -> None:
    """A caller that is cancelled must not take the model from the next."""
    loads: list[str] = []

    def load(params: Voice) -> None:
        pause(0.02)
        loads.append(params.name)

    pooled = Pooled(load)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await resources.get(pooled, Voice())
        await resources.get(pooled, Voice())

    run_virtual(main(), "measured")
    assert loads == ["joe"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModuleNotFoundError("No module named 'piper'"), DependencyError),
        (ConnectionError("no route"), NetworkError),
        (MemoryError(), ResourceError),
        (FileNotFoundError("joe.onnx"), ResourceError),
        (ValueError("not a model"), ResourceError),
    ],
)
def test_resources_wrap_a_foreign_load_error_with_a_hint(
    resources: Resources, error: Exception, kind: type[NodeError]
) -> None:
    """A traceback out of a library says nothing to a user of the graph."""

    def load(_: Voice) -> None:
        raise error

    with pytest.raises(kind) as caught:
        run_virtual(resources.get(Pooled(load), Voice()))
    assert caught.value.__cause__ is error
    assert caught.value.hint
    assert type(error).__name__ in caught.value.message


def test_resources_pass_on_a_vitagraph_load_error_unchanged(resources: Resources) -> None:
    error = UserInputError("no voice 'jo'", hint="there are: joe, amy")

    def load(_: Voice) -> None:
        raise error

    with pytest.raises(UserInputError) as caught:
        run_virtual(resources.get(Pooled(load), Voice()))
    assert caught.value is error


def test_resources_retry_a_failed_load_on_the_next_request(resources: Resources) -> None:
    """All callers that waited get the error; a disk that is back is used again."""
    results: list[Callable[[], Any]] = [lambda: 1 / 0, lambda: "loaded"]
    pooled = Pooled(lambda _: results.pop(0)())

    async def main() -> str:
        waiting = await asyncio.gather(*(resources.get(pooled, Voice()) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(error, ResourceError) for error in waiting)
        pool = await resources.get(pooled, Voice())
        return str(await pool.run(lambda member: member))

    assert run_virtual(main()) == "loaded"


def test_resources_list_loaded_models(resources: Resources) -> None:
    """Health looks at each model that calls depend on, and at none that is not there."""
    loading = Pooled(lambda _: pause(0.02), key=lambda _: "slow")
    pooled = Pooled(lambda _: "voice", key=lambda params: params.name)

    def fail(_: Voice) -> None:
        raise ValueError("not a model")

    async def main() -> None:
        pool = await resources.get(pooled, Voice(), "tts.piper")
        assert await resources.get(pooled, Voice(), "tts.other") is pool
        with pytest.raises(ResourceError):
            await resources.get(Pooled(fail), Voice(), "tts.piper")
        later = asyncio.create_task(resources.get(loading, Voice(), "asr.whisper"))
        await Clock(asyncio.get_running_loop()).sleep(0)
        assert [(each.key, each.use, each.pool) for each in resources.loaded()] == [
            ((pooled.load, "joe"), "tts.piper", pool)
        ]
        await later
        assert [each.use for each in resources.loaded()] == ["tts.piper", "asr.whisper"]

    run_virtual(main())


def test_resources_close_waits_for_jobs_and_loads(resources: Resources) -> None:
    """A model closed under a running job brings the process down."""
    model, late = Loaded(), Loaded()

    def load_late(_: Voice) -> Loaded:
        pause(0.02)
        return late

    def fail(_: Voice) -> None:
        pause(0.01)
        raise ValueError("not a model")

    def closed_meanwhile(member: Loaded) -> bool:
        pause(0.02)
        return member.closed

    async def main() -> bool:
        await resources.get(Pooled(lambda _: "nothing to close"), Voice())
        pool = await resources.get(Pooled(lambda _: model), Voice())
        working = asyncio.create_task(pool.run(closed_meanwhile))
        loading = [asyncio.create_task(resources.get(Pooled(load), Voice())) for load in (load_late, fail)]
        await Clock(asyncio.get_running_loop()).sleep(MILLISECOND)
        await resources.close()
        await asyncio.gather(*loading, return_exceptions=True)
        return await working

    assert run_virtual(main(), "measured") is False
    assert model.closed
    assert late.closed


def test_resources_close_all_before_raising_an_error(resources: Resources) -> None:
    class Broken:
        def close(self) -> None:
            raise OSError("device is gone")

    last = Loaded()

    async def main() -> None:
        await resources.get(Pooled(lambda _: Broken()), Voice())
        await resources.get(Pooled(lambda _: last), Voice())
        with pytest.raises(OSError, match="device is gone"):
            await resources.close()

    run_virtual(main())
    assert last.closed


def test_resources_refuse_another_event_loop(resources: Resources) -> None:
    """Its callers would wait for ever for a load that no loop hears of."""
    pooled = Pooled(lambda _: pause(0.02))

    async def leaves() -> None:
        task = asyncio.create_task(resources.get(pooled, Voice()))
        await Clock(asyncio.get_running_loop()).sleep(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait([task])

    run_virtual(leaves())
    with pytest.raises(RuntimeError, match="serve one event loop"):
        run_virtual(resources.get(pooled, Voice()))
