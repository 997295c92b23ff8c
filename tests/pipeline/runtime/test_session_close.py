"""The end of a session: bounded in time, and whatever hangs is named with the place where it hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipeline.compute.pool import Pooled
from pipeline.node import Node, Sink, Source
from pipeline.packet import SECOND
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output
from pipeline.runtime import session as session_module
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import CLOSE_DEADLINE, DRAIN_STALL_TIMEOUT
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import (
    Item,
    Pass,
    Serve,
    Written,
    items,
    make_runner,
    numbers,
    of,
    planned,
    queue,
    run,
    sink,
    source,
)


async def _deaf(node: Node[Any], duration: int) -> None:
    until = node.clock.now() + duration
    while node.clock.now() < until:
        try:
            await node.clock.sleep_until(until)
        except asyncio.CancelledError:
            continue


class Deaf(Serve):
    """Takes no cancellation, for a while."""

    into = Input(Item)
    lasts = seconds(10)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """Hangs."""
        await _deaf(self, self.lasts)
        yield item


def stop_after(duration: int, nodes: dict[str, Written], *links: Any) -> tuple[SessionReport, int]:
    """Stops a session in the middle; its report, and how long the closing took."""

    async def main() -> tuple[SessionReport, int]:
        session = make_runner().session(planned(nodes, *links))
        asyncio.get_running_loop().call_later(duration / SECOND, session.stop)
        report = await session.run()
        took = session.clock.now() - duration
        await session.clock.sleep(seconds(60))
        return report, took

    return run_virtual(main())


def test_session_close_names_a_node_that_hangs_and_where() -> None:
    """The log of a call that would not end says in which line of which node it hung."""
    nodes: dict[str, Written] = {"a": source(items([1])), "slow": Deaf, "end": sink([])}
    report, took = stop_after(ms(50), nodes, "a -> slow", "slow.out -> end")
    assert took == CLOSE_DEADLINE
    (stuck,) = report.stuck
    assert stuck.message == "slow Item did not stop in time"
    assert any("Deaf.give" in line for line in stuck.where)
    assert any("_deaf" in line for line in stuck.where)
    assert "at Deaf.give" in str(stuck)


def test_session_close_waits_for_hanging_nodes_together() -> None:
    """Five stuck nodes close as fast as one."""
    nodes: dict[str, Written] = {"a": source(items([1]))}
    links = []
    for n in range(5):
        nodes |= {f"slow{n}": Deaf, f"end{n}": sink([])}
        links += [f"a -> slow{n}", f"slow{n}.out -> end{n}"]
    report, took = stop_after(ms(50), nodes, *links)
    assert took == CLOSE_DEADLINE
    assert len(report.stuck) == 5


def test_session_close_names_a_node_that_does_not_close() -> None:
    """A connection that hangs in its farewell does not hang the process."""
    closed: list[str] = []

    class Farewell(Serve):
        async def close(self) -> None:
            await _deaf(self, seconds(20))

    class Well(Serve):
        async def close(self) -> None:
            closed.append(self.context.name)

    nodes: dict[str, Written] = {"a": source(items([1])), "b": Farewell, "c": Well, "d": sink([])}
    report, took = stop_after(ms(50), nodes, "a -> b", "b.out -> c", "c.out -> d")
    assert took <= CLOSE_DEADLINE
    assert closed == ["c"]
    (stuck,) = report.stuck
    assert stuck.message == "b did not close in time"
    assert any("Farewell.close" in line for line in stuck.where)


def test_session_close_reports_a_node_that_fails_and_closes_the_others() -> None:
    """One broken farewell leaves no other connection open."""
    closed: list[str] = []

    class Broken(Serve):
        async def close(self) -> None:
            closed.append(self.context.name)
            raise OSError("already gone")

    nodes: dict[str, Written] = {"a": source(items([1])), "b": Broken, "c": Broken, "d": sink([])}
    report = run(planned(nodes, "a -> b", "b.out -> c", "c.out -> d", on_error="end"))
    assert sorted(closed) == ["b", "c"]
    assert sorted(failure.node for failure in report.failures) == ["b", "c"]
    assert (report.ended, report.error) == ("eos", None)  # it had ended well before that


def test_session_close_waits_for_slow_cleanup() -> None:
    """A file is written to its end."""
    log: list[int] = []

    class Writes(Sink[NoParams]):
        into = Input(Item)

        @into.each
        async def write(self, item: Item) -> None:
            try:
                await self.clock.sleep(seconds(30))
            finally:
                await self.clock.sleep(ms(500))
                log.append(item.number)

        async def close(self) -> None:
            log.append(-1)

    report, took = stop_after(ms(50), {"a": source(items([1])), "b": Writes}, "a -> b")
    assert log == [1, -1]
    assert (took, report.stuck) == (ms(500), [])


def test_session_close_names_a_source_that_does_not_stop() -> None:
    """A device that hangs in its driver is named."""

    class Device(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Item]:
            await _deaf(self, seconds(20))
            yield items([1])[0]

    report, took = stop_after(ms(50), {"microphone": Device, "b": sink([])}, "microphone -> b")
    assert took == CLOSE_DEADLINE
    assert [stuck.message for stuck in report.stuck] == ["microphone did not stop in time"]


# --- draining


def test_session_drain_gives_up_when_stalled_and_names_the_node() -> None:
    """A recording whose last answer never comes still ends, with the culprit's line."""

    class Never(Serve):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            if item.number == 2:
                await asyncio.get_running_loop().create_future()
            yield item

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2, 3])), "b": Never, "c": sink(heard)}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert report.ended == "drained late"
    assert DRAIN_STALL_TIMEOUT <= report.duration <= 2 * DRAIN_STALL_TIMEOUT
    assert numbers(heard) == [1]
    (stuck,) = report.stuck
    assert stuck.message == "b Item has not moved for 60 s"
    assert any("Never.give" in line for line in stuck.where)


def test_session_drain_names_a_gate_that_never_opens() -> None:
    """A turn that is never decided is the reason that nothing was heard."""

    class Undecided(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Item]:
            yield items([1])[0]
            yield of(self.causes.begin("turn"), 2)

    class Gated(Sink[NoParams]):
        into = Input(Item, gated=True)

        @into.each
        async def hear(self, item: Item) -> None:
            """Nothing."""

    report = run(planned({"a": Undecided, "end": Gated}, "a -> end"))
    assert report.ended == "drained late"
    (stuck,) = report.stuck
    assert stuck.message.startswith("end has not moved")
    assert any("Cause.wait_until_decided" in line for line in stuck.where)


def test_session_drain_does_not_give_up_on_a_slow_sink() -> None:
    """An hour of speech that is played after its file was read is played to its end."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items(range(5))), "b": sink(heard, takes=seconds(50))}
    report = run(planned(nodes, ("a -> b", queue(100))))
    assert (report.ended, numbers(heard)) == ("eos", list(range(5)))
    assert report.duration == seconds(250)


# --- compute jobs; in real time, for virtual time waits for every job


class Job:
    """A job that hangs in its thread until it is let go."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()

    def hang_in_the_model(self) -> None:
        self.entered.set()
        self.leave.wait(10)


@pytest.fixture
def job() -> Any:
    job = Job()
    yield job
    job.leave.set()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test in real time can wait for."""
    monkeypatch.setattr(session_module, "CLOSE_DEADLINE", ms(100))
    monkeypatch.setattr("pipeline.runtime.runner.CLOSE_DEADLINE", ms(100))


@pytest.mark.usefixtures("hasty")
def test_session_close_names_a_stuck_compute_job_with_its_stack(job: Job) -> None:
    """What hangs in a model's own code is found, although no coroutine is in there."""

    class Insists(Serve):
        into = Input(Item)
        engine = Pooled(lambda _: job, key=lambda _: id(job))

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            try:
                await self.engine.run(lambda model: model.hang_in_the_model())
            finally:
                await self.engine.run(lambda model: None)
            yield item

    async def main() -> SessionReport:
        runner = Runner(workers=2)
        nodes: dict[str, Written] = {"a": source(items([1])), "b": Insists, "c": sink([])}
        session = runner.session(planned(nodes, "a -> b", "b.out -> c"))
        running = asyncio.ensure_future(session.run())
        while not job.entered.is_set():
            await session.clock.sleep(ms(1))
        session.stop()
        report = await running
        job.leave.set()
        await session.clock.sleep(ms(20))
        await runner.__aexit__(None, None, None)
        return report

    report = asyncio.run(main())
    (stuck,) = report.stuck
    assert any("Insists.give" in line for line in stuck.where)
    thread = stuck.where[-1]
    assert thread.startswith("compute thread: ")
    assert "hang_in_the_model" in thread


@pytest.mark.parametrize("count", [1, 2])
def test_session_close_is_bounded_in_time(count: int) -> None:
    """Two phases, each with its deadline: that is the longest that a hang-up can take."""

    class Worst(Deaf):
        lasts = seconds(30)

        async def close(self) -> None:
            await _deaf(self, seconds(30))

    nodes: dict[str, Written] = {"a": source(items([1]))}
    links = []
    for n in range(count):
        nodes |= {f"b{n}": Worst, f"c{n}": sink([])}
        links += [f"a -> b{n}", f"b{n}.out -> c{n}"]
    report, took = stop_after(ms(50), nodes, *links)
    assert took == 2 * CLOSE_DEADLINE
    assert len(report.stuck) == 2 * count


def test_session_leaves_no_timer_behind() -> None:
    """A server of many calls does not keep each of them for another minute."""

    async def main() -> int:
        session = make_runner().session(
            planned({"a": source(items([1])), "b": Pass, "c": sink([])}, "a -> b", "b.out -> c")
        )
        await session.run()
        loop: Any = asyncio.get_running_loop()
        return sum(not timer.cancelled() for timer in loop._scheduled)

    assert run_virtual(main()) == 0
