"""A test that leaves something behind fails by itself, and not a later one by chance."""
# ruff: noqa: TID251 - real sleeps leave real tasks behind

from __future__ import annotations

import asyncio
import os
import threading
from asyncio import runners
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from pipeline.compute.executor import Executor
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import Leak, no_leaks, share

CONFTEST = Path(__file__).parents[1] / "conftest.py"
RUNS: list[Callable[..., object]] = [asyncio.run, uvloop.run, run_virtual]


@pytest.fixture(name="no_leaks")
def unchecked() -> None:
    """In place of the plugin's: these tests leak on purpose."""


async def forgetful() -> None:
    async def listening() -> None:
        await asyncio.sleep(3600)

    kept.append(asyncio.create_task(listening(), name="listener"))
    await asyncio.sleep(0.001)


kept: list[object] = []


@pytest.mark.parametrize("run", RUNS, ids=["asyncio", "uvloop", "virtual"])
def test_leaked_task_is_named_with_what_it_awaits(run: Callable[..., object]) -> None:
    with pytest.raises(Leak, match=r"task listener: forgetful\.<locals>\.listening \(test_leaks\.py:"), no_leaks():
        run(forgetful())


def test_cancelled_task_is_not_a_leak() -> None:
    """Whoever cancels and goes is not blamed for the round of the loop that it takes."""

    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel()

    with no_leaks():
        run_virtual(main())


def test_leaks_are_not_reported_after_an_error() -> None:
    """A failure would be buried under what it left lying about."""

    async def main() -> None:
        await forgetful()
        raise ValueError("the news")

    with no_leaks(), pytest.raises(ValueError, match="the news"):
        run_virtual(main())
    file = open(os.devnull)  # noqa: SIM115 - two of them are left open, one on purpose
    with pytest.raises(KeyError) as caught, no_leaks():
        raise KeyError(os.dup(file.fileno()))
    file.close()
    os.close(caught.value.args[0])


def test_leaked_thread_is_named_with_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.testing.leaks._THREAD_GRACE", 0.05)
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait, args=[10], name="decoder")
    with pytest.raises(Leak, match=r"thread decoder: .* < Event\.wait \(threading\.py:"), no_leaks():
        thread.start()
    leave.set()
    thread.join()


def test_shared_executor_threads_are_not_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made for a single test, and not shut down, is."""
    monkeypatch.setattr("pipeline.testing.leaks._THREAD_GRACE", 0.1)
    with no_leaks():
        shared = share(Executor(1))
        Executor(1).shutdown()
    with pytest.raises(Leak, match="thread compute-0"), no_leaks():
        own = Executor(1)
    for executor in (shared, own):
        executor.shutdown(wait=True)


def test_leaked_file_is_named() -> None:
    with pytest.raises(Leak, match="file /dev/null"), no_leaks():
        file = open(os.devnull)  # noqa: SIM115 - on purpose
    file.close()
    with no_leaks(), open(os.devnull):
        pass


def test_leaked_files_are_not_checked_without_procfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.testing.leaks._FILES", "/nowhere")
    with no_leaks():
        file = open(os.devnull)  # noqa: SIM115 - on purpose
    file.close()


def test_leak_check_finds_the_asyncio_internals_it_uses() -> None:
    """Without it leaked tasks would go unseen."""
    assert "_cancel_all_tasks" in runners.Runner.close.__code__.co_names


TESTS = """
import asyncio, time
from pipeline.cause import Causes
from pipeline.runtime.virtual import run_virtual

kept = []

def test_clean():
    async def main():
        await asyncio.to_thread(time.sleep, 0.001)
        time.sleep(0.001)  # not of the engine's doing
    run_virtual(main())

async def forgetful():
    kept.append(asyncio.create_task(asyncio.sleep(3600), name="listener"))

def test_leaks():
    run_virtual(forgetful())

def test_fails_and_leaks():
    run_virtual(forgetful())
    assert False

def test_blocks():
    async def main():
        causes = Causes()
        causes.interrupt = lambda *_: time.sleep(0.001)
        try:
            causes.revoke(causes.begin("turn"), "caller")
        except Exception:
            pass  # as the engine would
    run_virtual(main())
"""


def test_leak_fixture_fails_tests_that_leak(pytester: pytest.Pytester) -> None:
    """The fixtures of the plugin and of conftest.py, in a pytest of their own."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_leaks*", "*task listener: sleep *", "*blocked by time.sleep*"]
    )
