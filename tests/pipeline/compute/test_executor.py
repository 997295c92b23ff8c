"""Compute threads: in order, named, and never in the way of the process's end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from pipeline.compute.errors import Crashed
from pipeline.compute.executor import Executor


@pytest.fixture
def one() -> Iterator[Executor]:
    executor = Executor(1, "decode")
    yield executor
    executor.shutdown(wait=True)


class Busy:
    """Keeps one thread in a job until told."""

    def __init__(self, executor: Executor) -> None:
        self.entered, self._leave = threading.Event(), threading.Event()
        self.future = executor.submit(self.decoding)
        assert self.entered.wait(10)

    def decoding(self) -> str:
        self.entered.set()
        self._leave.wait(10)
        return "decoded"

    def end(self) -> str:
        self._leave.set()
        return self.future.result(10)


def test_executor_starts_jobs_in_submission_order(one: Executor) -> None:
    """A model would answer the second question first."""
    ran: list[int] = []
    for future in [one.submit(ran.append, n) for n in range(50)]:
        future.result(10)
    assert ran == list(range(50))


def test_executor_has_one_named_thread_per_core() -> None:
    """A profile of threads called Thread-7 tells nothing."""
    with Executor() as executor:
        assert len(executor.threads) == executor.workers >= 1
        assert all(thread.daemon and thread.name.startswith("compute-") for thread in executor.threads)


def raising(error: BaseException) -> Callable[[], None]:
    def job() -> None:
        raise error

    return job


def test_executor_future_holds_the_original_error(one: Executor) -> None:
    error = ValueError("no such voice")
    assert one.submit(raising(error)).exception(10) is error


class Panic(BaseException):
    """As libraries in Rust raise it."""


@pytest.mark.parametrize("error", [SystemExit(1), Panic(), StopIteration(), asyncio.CancelledError()])
def test_executor_thread_survives_any_exception(one: Executor, error: BaseException) -> None:
    """A library that calls sys.exit() would leave its caller waiting, and a worker less."""
    with pytest.raises(RuntimeError, match=f"a compute job raised {type(error).__name__}") as caught:
        one.submit(raising(error)).result(10)
    assert caught.value.__cause__ is error
    assert isinstance(caught.value, Crashed) is not isinstance(error, StopIteration)
    assert one.submit(lambda: "alive").result(10) == "alive"


def test_executor_stop_iteration_reaches_an_awaiting_caller(one: Executor) -> None:
    """No asyncio future takes a StopIteration: the caller would wait for ever."""

    async def main() -> None:
        async with asyncio.timeout(10):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await asyncio.get_running_loop().run_in_executor(one, raising(StopIteration()))

    asyncio.run(main())


def test_executor_stacks_show_where_its_threads_are(one: Executor) -> None:
    """A report of a stuck call names the line that it hangs in."""
    assert one.stacks() == {}
    busy = Busy(one)
    (name, stack) = next(iter(one.stacks().items()))
    busy.end()
    one.shutdown(wait=True)
    assert one.stacks() == {}
    assert name == "decode-0"
    assert any(line.startswith("Busy.decoding (test_executor.py:") for line in stack)


def test_executor_shutdown_runs_waiting_jobs() -> None:
    executor = Executor(1)
    busy = Busy(executor)
    last = executor.submit(lambda: "last")
    executor.shutdown()
    assert (busy.end(), last.result(10)) == ("decoded", "last")


def test_executor_shutdown_can_cancel_waiting_jobs() -> None:
    executor = Executor(1)
    busy = Busy(executor)
    waiting = executor.submit(lambda: "never")
    executor.shutdown(cancel_futures=True)
    executor.shutdown(cancel_futures=True)
    busy.end()
    with pytest.raises(CancelledError):
        waiting.result(10)


@pytest.mark.parametrize("round", range(20))
def test_executor_shutdown_tolerates_jobs_taken_by_its_threads(round: int) -> None:
    """While waiting jobs are cancelled its threads go on to take some: each job runs or is cancelled."""
    executor, ran = Executor(2), list[int]()
    jobs = [executor.submit(ran.append, n) for n in range(20 * round)]
    executor.shutdown(wait=True, cancel_futures=True)
    assert all(job.done() for job in jobs)
    assert sorted(ran) == [n for n, job in enumerate(jobs) if not job.cancelled()]


def test_executor_does_not_run_a_cancelled_job(one: Executor) -> None:
    busy, ran = Busy(one), list[int]()
    assert one.submit(ran.append, 1).cancel()
    busy.end()
    one.submit(lambda: None).result(10)
    assert ran == []


def test_executor_refuses_jobs_after_shutdown() -> None:
    """The caller of a job that is never run would wait for ever."""
    executor = Executor(1, "decode")
    executor.shutdown(wait=True)
    with pytest.raises(RuntimeError, match="'decode' has been shut down"):
        executor.submit(lambda: None)


STUCK = """
import asyncio, time
from pipeline.compute.executor import Executor

async def main():
    job = asyncio.get_running_loop().run_in_executor(Executor(1), time.sleep, 60)
    await asyncio.wait([job], timeout=0.05)

asyncio.run(main())
print("over")
"""


def test_executor_with_a_stuck_job_does_not_keep_the_process_alive() -> None:
    """A server that does not stop is killed by its supervisor, and loses what it had to say."""
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", STUCK], cwd=root, timeout=20, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "over\n")
