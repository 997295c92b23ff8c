"""How long the event loop was blocked, and by what."""

from __future__ import annotations

import asyncio
import resource
import threading
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import uvloop

from pipeline.clock import Clock
from pipeline.packet import SECOND
from pipeline.params import ms
from pipeline.runtime.virtual import run_virtual
from vitagraph.observe.loop_watch import LoopWatch

Loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
Run = Callable[[Awaitable[LoopWatch]], LoopWatch]


def sleeps_in_the_loop(seconds: float) -> None:
    """What no node may do."""
    threading.Event().wait(seconds)


def computes_in_the_loop(seconds: float) -> None:
    """Nor this."""
    clock, some = Clock(asyncio.get_running_loop()), np.ones(1000)
    while clock.now() < seconds * SECOND:
        some = np.sort(some)


async def watched(*steps: Callable[[], None]) -> LoopWatch:
    """A loop that is watched, and does these things."""
    watch, clock = LoopWatch(), Clock(asyncio.get_running_loop())
    watch.start()
    for step in steps:
        await clock.sleep(ms(120))
        step()
    await clock.sleep(ms(120))
    watch.stop()
    return watch


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the loop."""
    return [record.getMessage() for record in caplog.records if "event loop" in record.getMessage()]


def test_loop_watch_counts_what_blocks_the_loop() -> None:
    """The time of one blocking call, within a period; nothing after `stop`."""

    async def main() -> tuple[float, float]:
        watch, clock = LoopWatch(), Clock(asyncio.get_running_loop())
        watch.start()
        await clock.sleep(ms(20))
        threading.Event().wait(0.4)
        await clock.sleep(ms(10))
        watch.stop()
        watch.stop()
        blocked = watch.blocked
        threading.Event().wait(0.2)
        await clock.sleep(ms(100))
        return blocked, watch.blocked

    blocked, later = asyncio.run(main())
    assert 0.3 < blocked < 2 and later == blocked


@Loops
@pytest.mark.parametrize("blocks", [sleeps_in_the_loop, computes_in_the_loop])
def test_loop_watch_names_the_function_that_blocks(
    run: Run, blocks: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    """With its file and line, its callers, and for how long; an author finds it without a debugger."""
    watch = run(watched(lambda: blocks(0.2)))
    assert watch.stalls == 1
    (said,) = reports(caplog)
    first, _, rest = said.partition(", called by ")
    assert f"{blocks.__name__} ({__file__}:" in first and "ms by " in first
    assert 0 < int(said.partition("for ")[2].partition(" ")[0]) - 150 < 500
    assert "watched (" in rest, "and who called it"


def test_loop_watch_reports_at_most_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that is blocked all the time does not fill the log as well."""
    watch = asyncio.run(watched(*[lambda: sleeps_in_the_loop(0.15)] * 3))
    assert watch.stalls == 3 and len(reports(caplog)) == 1


@Loops
def test_loop_watch_of_a_healthy_loop_is_silent(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """A report that means nothing hides the one that does."""
    watch = run(watched(*[lambda: None] * 5))
    assert watch.stalls <= 1, "the machine of the test may be busy"
    assert [said for said in reports(caplog) if "<lambda>" in said] == []


def test_loop_watch_reports_a_loop_that_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a host that is killed for a deadlock would not have said where."""
    monkeypatch.setattr("vitagraph.observe.stall.HANGS", 0.3)
    asyncio.run(watched(lambda: sleeps_in_the_loop(0.6)))
    (while_it_stands, _after) = reports(caplog)
    assert "stands still" in while_it_stands and "sleeps_in_the_loop (" in while_it_stands


def test_loop_watch_in_virtual_time_has_no_thread() -> None:
    """A replay takes as long as it takes."""

    async def main() -> list[str]:
        watch = LoopWatch()
        watch.start()
        await Clock(asyncio.get_running_loop()).sleep(10 * SECOND)
        watch.stop()
        return [thread.name for thread in threading.enumerate()]

    assert "loop watchdog" not in run_virtual(main())


def spent() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def test_loop_watch_costs_next_to_nothing() -> None:
    """Less than 2 % of a core, thread and all, while nothing is wrong; it takes 0.6 % on a machine with two cores."""

    async def main() -> float:
        watch, clock = LoopWatch(), Clock(asyncio.get_running_loop())
        watch.start()
        before = spent()
        await clock.sleep(2 * SECOND)
        used = spent() - before
        watch.stop()
        return used / 2

    assert min(asyncio.run(main()) for _ in range(2)) < 0.02
