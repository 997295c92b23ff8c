"""Virtual time: fast, exact, the same each time, and never hanging without a name."""
# ruff: noqa: TID251, ASYNC251 - the system's time and sleep are the subject

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import math
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from asyncio import base_events, selector_events
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compute.executor import Executor
from pipeline.errors import Stuck
from pipeline.runtime.virtual import VirtualLoop, run_virtual

ROOT = Path(__file__).parents[3]
Log = list[tuple[str, float]]


@pytest.fixture
def two() -> Iterator[Executor]:
    executor = Executor(2)
    yield executor
    executor.shutdown(wait=True)


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def sleeping(seconds: float, value: int = 0) -> Callable[[], int]:
    def job() -> int:
        time.sleep(seconds)
        return value

    return job


def test_virtual_time_passes_an_hour_at_once() -> None:
    """A replay of a long recording would last as long as the recording."""

    async def main() -> float:
        await asyncio.sleep(3600)
        return loop_time()

    started = time.monotonic()
    assert run_virtual(main()) == 3600.0
    assert time.monotonic() - started < 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_virtual_timers_of_one_instant_keep_their_order(delays: list[int]) -> None:
    """On a grid of 20 ms ties are everywhere: two runs of a replay would differ."""
    ran: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for index, delay in enumerate(delays):
            loop.call_later(delay * 0.02, ran.append, index)
        await asyncio.sleep(1)

    run_virtual(main())
    assert ran == sorted(range(len(delays)), key=lambda index: delays[index])


def test_virtual_timers_treat_rounding_differences_as_equal() -> None:
    """0.1 + 0.2 and 0.3 are one instant; else the later of the two would overtake the earlier."""
    ran: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(0.1 + 0.2, ran.append, "first")
        loop.call_at(0.3, ran.append, "second")
        await asyncio.sleep(1)

    run_virtual(main())
    assert ran == ["first", "second"]


def test_virtual_timer_that_is_cancelled_does_not_run() -> None:
    """A deadline that was met would fire all the same."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        for n in range(200):
            loop.call_later(n, pytest.fail, "cancelled").cancel()
        await asyncio.sleep(500)
        return loop_time()

    assert run_virtual(main()) == 500


@pytest.mark.parametrize("latency", ["zero", "measured"])
def test_virtual_job_results_come_in_order_of_start(two: Executor, latency: str) -> None:
    """Whichever thread is faster would decide what is said first."""
    order: list[int] = []

    async def call(index: int) -> None:
        loop = asyncio.get_running_loop()
        order.append(await loop.run_in_executor(two, sleeping(0.02 if index == 0 else 0, index)))

    async def main() -> float:
        await asyncio.gather(*(call(index) for index in range(4)))
        return loop_time()

    ended = run_virtual(main(), "zero" if latency == "zero" else "measured")
    if latency == "zero":
        assert order == [0, 1, 2, 3]
        assert ended == 0
    else:
        assert order == [1, 2, 3, 0]
        assert ended >= 0.02


def test_virtual_job_result_comes_only_when_the_loop_is_idle(two: Executor) -> None:
    """A result that comes between the steps of another task comes elsewhere in the next run."""
    log: list[str] = []

    async def computing() -> None:
        await asyncio.get_running_loop().run_in_executor(two, lambda: None)
        log.append("result")

    async def stepping() -> None:
        for step in range(1000):
            await asyncio.sleep(0)
            if step % 250 == 0:
                time.sleep(0.002)  # the job has ended long since
        log.append("quiet")

    async def main() -> None:
        await asyncio.gather(computing(), stepping())

    run_virtual(main())
    assert log == ["quiet", "result"]


def test_virtual_job_result_settles_before_the_next(two: Executor) -> None:
    """Two results in one round would interleave what follows from them."""
    log: list[str] = []

    async def call(name: str) -> None:
        await asyncio.get_running_loop().run_in_executor(two, lambda: None)
        for step in range(3):
            log.append(f"{name}{step}")
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(call("a"), call("b"))

    run_virtual(main())
    assert log == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_virtual_measured_jobs_share_the_workers(two: Executor) -> None:
    """Four jobs on two workers take two turns; the waterfall would promise one."""

    async def call(index: int) -> float:
        await asyncio.get_running_loop().run_in_executor(two, sleeping(0.03))
        return loop_time()

    async def main() -> list[float]:
        return await asyncio.gather(*(call(index) for index in range(4)))

    ends = run_virtual(main(), "measured")
    assert all(0.03 <= end < 0.055 for end in ends[:2]), ends
    assert all(0.06 <= end < 0.11 for end in ends[2:]), ends


def test_virtual_measured_job_can_time_out_and_keeps_its_worker() -> None:
    """A deadline must fall although the thread works on, and the thread stays taken."""
    one = Executor(1)

    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await loop.run_in_executor(one, sleeping(0.05))
        late = loop_time()
        await loop.run_in_executor(one, sleeping(0))
        return late, loop_time()

    late, following = run_virtual(main(), "measured")
    one.shutdown(wait=True)
    assert late == 0.01
    assert following >= 0.05


def test_virtual_zero_latency_never_times_a_job_out(two: Executor) -> None:
    """A test of logic would depend on how fast the machine is."""

    async def main() -> int:
        async with asyncio.timeout(0.001):
            return await asyncio.get_running_loop().run_in_executor(two, sleeping(0.02, 7))

    assert run_virtual(main()) == 7


def test_virtual_job_cancelled_while_waiting_never_runs() -> None:
    """Work of a caller who has left would hold up the others."""
    one, ran = Executor(1), list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = loop.run_in_executor(one, ran.append, "first")
        second = loop.run_in_executor(one, ran.append, "second")
        third = loop.run_in_executor(one, ran.append, "third")
        second.cancel()
        await asyncio.gather(first, third)

    run_virtual(main())
    one.shutdown(wait=True)
    assert ran == ["first", "third"]


def test_virtual_job_errors_reach_their_callers(two: Executor) -> None:
    """A failed model would look like one that never answers."""

    def fail() -> None:
        raise ValueError("no such word")

    async def main() -> None:
        with pytest.raises(ValueError, match="no such word"):
            await asyncio.get_running_loop().run_in_executor(two, fail)
        with pytest.raises(ValueError, match="no such word"):
            await asyncio.to_thread(fail)

    run_virtual(main())


def test_virtual_job_cancelled_by_its_executor_is_cancelled() -> None:
    """Its caller would wait for ever."""

    class Closed(concurrent.futures.Executor):
        def submit(self, *_: object, **__: object) -> concurrent.futures.Future[None]:  # type: ignore[override]
            future: concurrent.futures.Future[None] = concurrent.futures.Future()
            future.cancel()
            return future

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.get_running_loop().run_in_executor(Closed(), print)

    run_virtual(main())


def test_virtual_to_thread_works_and_its_threads_end() -> None:
    """Libraries use the default executor without asking."""

    async def main() -> list[int]:
        return list(await asyncio.gather(*(asyncio.to_thread(sleeping(0.001 * (5 - n), n)) for n in range(5))))

    assert run_virtual(main()) == [0, 1, 2, 3, 4]


def test_virtual_job_may_call_the_loop(two: Executor) -> None:
    """A thread that reports its progress would hang, or report after its end."""
    log: list[str] = []

    async def from_thread() -> str:
        await asyncio.sleep(0)
        return "asked"

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def job() -> str:
            loop.call_soon_threadsafe(log.append, "told")
            return asyncio.run_coroutine_threadsafe(from_thread(), loop).result(5)

        log.append(await loop.run_in_executor(two, job))

    run_virtual(main())
    assert log == ["told", "asked"]


def test_virtual_job_callbacks_come_before_its_result() -> None:
    """A call from the thread that arrives at the last moment must not be overtaken by the result."""
    log: list[str] = []

    def told(more: int) -> None:
        log.append("told")
        if more:
            asyncio.get_running_loop().call_soon(told, more - 1)

    class LastMoment(concurrent.futures.Future[str]):
        def done(self) -> bool:
            if not log:
                asyncio.get_running_loop().call_soon(told, 5)
            return super().done()

    class Immediate(concurrent.futures.Executor):
        def submit(self, *_: object, **__: object) -> concurrent.futures.Future[str]:  # type: ignore[override]
            future = LastMoment()
            future.set_result("result")
            return future

    async def main() -> None:
        log.append(await asyncio.get_running_loop().run_in_executor(Immediate(), str))

    run_virtual(main())
    assert log == [*["told"] * 6, "result"]


def run_of_everything(seed: int) -> Log:
    """A small world of timers, jobs of random real duration, cancels and time-outs."""
    log: Log = []
    plan = random.Random(seed)
    real = random.Random()  # never the same twice
    executor = Executor(3)

    async def worker(name: str, seed: int) -> None:
        loop, plan = asyncio.get_running_loop(), random.Random(seed)
        for step in range(12):
            log.append((f"{name}.{step}", loop.time()))
            match plan.randrange(4):
                case 0:
                    await asyncio.sleep(plan.randrange(5) * 0.02)
                case 1:
                    await loop.run_in_executor(executor, sleeping(real.random() * 0.002))
                case 2:
                    await asyncio.to_thread(sleeping(real.random() * 0.002))
                case _:
                    try:
                        async with asyncio.timeout(plan.randrange(1, 3) * 0.02):
                            await asyncio.sleep(plan.randrange(4) * 0.02)
                            await loop.run_in_executor(executor, sleeping(real.random() * 0.001))
                    except TimeoutError:
                        log.append((f"{name} late", loop.time()))

    async def main() -> None:
        tasks = [asyncio.create_task(worker(f"w{n}", plan.randrange(1 << 30))) for n in range(5)]
        asyncio.get_running_loop().call_later(0.1, tasks[0].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(main())
    executor.shutdown(wait=True)
    return log


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_virtual_runs_are_deterministic(seed: int) -> None:
    """A bug found in a replay could not be looked at again."""
    assert run_of_everything(seed) == run_of_everything(seed)


def test_virtual_hold_stops_time_for_external_work() -> None:
    """The time-out of a request would fire at once, before a byte has come."""

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        answer = loop.create_future()
        thread = threading.Timer(0.02, lambda: loop.call_soon_threadsafe(answer.set_result, "real"))
        thread.start()
        async with asyncio.timeout(0.001):
            with loop.hold():
                said = await answer
        thread.join()
        return said, loop.time()

    assert run_virtual(main()) == ("real", 0.0)


def test_virtual_measured_hold_runs_in_real_time() -> None:
    """An answer over the network would cost nothing in the waterfall, and never be late."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with loop.hold():
            with loop.hold(), pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await loop.create_future()
            answer = loop.create_future()
            thread = threading.Timer(0.02, lambda: loop.call_soon_threadsafe(answer.set_result, None))
            thread.start()
            await answer
        thread.join()
        return loop.time()

    assert 0.04 <= run_virtual(main(), "measured") < 0.5


def test_virtual_loop_waits_for_sockets_when_no_timer_is_due() -> None:
    """A page that fetches something would be called stuck."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return line

    assert run_virtual(main()) == b"HELLO\n"


def test_virtual_loop_waits_for_a_subprocess() -> None:
    """Its pipes close a moment before its end is known: that moment is not a deadlock."""

    async def main() -> bytes:
        process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, _ = await process.communicate(b"spoken")
        return out

    assert run_virtual(main()) == b"spoken"


@pytest.mark.parametrize("quick", [False, True])
def test_virtual_loop_allows_a_moment_for_external_work_to_end(quick: bool) -> None:
    """When the last pipe has closed, the thread that watches the process may be a little later.

    `quick`: what is read from the pipe is there before anything has to wait for it.
    """

    async def main() -> str:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        here.setblocking(False)
        if quick:
            loop.add_reader(here, lambda: None)
            loop.remove_reader(here)
        else:
            sender = threading.Timer(0.01, there.send, [b"last"])
            sender.start()
            await loop.sock_recv(here, 4)
            sender.join()
        here.close()
        there.close()
        ended = loop.create_future()
        thread = threading.Timer(0.05, lambda: loop.call_soon_threadsafe(ended.set_result, "seen"))
        thread.start()
        said: str = await ended
        thread.join()
        return said

    assert run_virtual(main()) == "seen"


def test_virtual_deadlock_is_named() -> None:
    """A deadlock would be a test that hangs, with nobody to blame."""

    async def starving_asr() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        waiting = asyncio.create_task(starving_asr(), name="asr")
        await waiting

    with pytest.raises(Stuck, match="nothing can ever happen") as stuck:
        run_virtual(main())
    assert any(
        line.startswith("task asr > ") and "starving_asr (test_virtual.py:" in line for line in stuck.value.where
    )
    assert "hold the clock" in stuck.value.hint


def test_virtual_infinite_sleep_is_a_deadlock() -> None:
    """`sleep(inf)` is a deadlock too."""
    with pytest.raises(Stuck, match="nothing can ever happen"):
        run_virtual(asyncio.sleep(math.inf))


def test_virtual_polling_without_sleep_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time cannot move while somebody always has something to do."""
    monkeypatch.setattr("pipeline.runtime.virtual._ROUNDS", 1000)

    async def polls() -> None:
        while True:  # noqa: ASYNC110 - on purpose
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="polls without sleeping") as stuck:
        run_virtual(polls())
    assert any("polls (test_virtual.py:" in line for line in stuck.value.where)


def test_virtual_long_run_is_not_taken_for_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds are counted for one instant, not for the whole run."""
    monkeypatch.setattr("pipeline.runtime.virtual._ROUNDS", 100)

    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0.001)
        return loop_time()

    assert run_virtual(main()) == 1.0


INTERRUPTED = """
import asyncio, sys, time
from pipeline.compute.executor import Executor
from pipeline.runtime.virtual import VirtualLoop, run_virtual

async def jumping():
    while True:
        await asyncio.sleep(1)

async def computing():
    await asyncio.get_running_loop().run_in_executor(Executor(1), time.sleep, 60)

async def holding():
    with asyncio.get_running_loop().hold():
        await asyncio.sleep(60)

async def handling():
    done = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(2, done.set)
    while not done.is_set():
        await asyncio.sleep(1)
    raise KeyboardInterrupt

print("ready", flush=True)
try:
    run_virtual(globals()[sys.argv[1]]())
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("case", ["jumping", "computing", "holding", "handling"])
def test_virtual_run_is_interrupted_by_ctrl_c(case: str) -> None:
    """A replay that cannot be interrupted is killed, and loses its report."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, case], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == "ready\n"
        time.sleep(0.3)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert out.readline() == "interrupted\n"
        assert process.wait(10) == 0
    assert time.monotonic() - started < 2


def test_virtual_loop_finds_the_asyncio_internals_it_uses() -> None:
    """These names are private: when a Python changes them, this says so before a replay goes wrong."""
    loop = asyncio.SelectorEventLoop()
    for name in ("_check_closed", "_write_to_self", "_ready", "_scheduled", "_default_executor"):
        assert hasattr(loop, name), name
    loop.close()
    round_of_loop = inspect.getsource(base_events.BaseEventLoop._run_once)  # type: ignore[attr-defined]
    for text in ("self._selector.select(timeout)", "if self._ready or self._stopping:", "self._scheduled[0]._when"):
        assert text in round_of_loop, text
    timer = asyncio.TimerHandle(1.0, print, (), loop)
    assert (timer._scheduled, timer.when()) == (False, 1.0)  # type: ignore[attr-defined]
    assert "_selector = selector" in inspect.getsource(selector_events.BaseSelectorEventLoop.__init__)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert pool._max_workers == 3
