"""Monitoring: unhealthy members are reported, graphs without a healthy member are not called, and memory is kept."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from pipeline.clock import Clock
from pipeline.compute.pool import Pool, Pooled
from pipeline.errors import AdmissionError, ResourceError
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.vitagraph.host.dialling import ROOMY, SCRIPTED, dial, gone, hosting, scripted
from tests.vitagraph.host.dialling_nodes import Beeper
from vitagraph.host.call_manager import CallManager
from vitagraph.host.headroom import CallCounts
from vitagraph.host.memory_guard import MemoryGuard
from vitagraph.host.monitoring import Monitoring, ProcessMeter
from vitagraph.host.settings import HostSettings

T = TypeVar("T")


class Voice(Beeper):
    """As well as the test says."""

    ill = False

    async def probe(self) -> None:
        """Raises while it is ill."""
        if Voice.ill:
            raise ResourceError("it is hoarse", hint="tea")


class Choir(Beeper):
    """Has a model."""

    engine = Pooled(lambda _: object())


HERE = "tests.vitagraph.host.test_monitoring:Voice"
ALONE = SCRIPTED.replace("tests.vitagraph.host.dialling_nodes:Beeper", HERE)
SPARED = ALONE.replace(
    f"tts: {HERE}", f'tts: {{use: "{HERE}", fallback: "tests.vitagraph.host.dialling_nodes:Beeper"}}'
)
QUICK: dict[str, Any] = {"health": 0.2}


@pytest.fixture(autouse=True)
def ill(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start."""
    monkeypatch.setattr(Voice, "ill", True)


async def until(holds: Callable[[], object]) -> None:
    """Waits for it."""
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        while not holds():
            await clock.sleep(10 * MILLISECOND)


# --- the members of the graphs


def test_monitoring_reports_an_unhealthy_member_while_a_fallback_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator learns of it before the stand-in fails too; callers are taken as ever."""

    async def scene(manager: CallManager) -> None:
        await manager.warm()
        await until(manager.degraded)
        (member,) = manager.degraded()
        assert (member.node, member.use, member.message) == ("tts", HERE, "it is hoarse")
        assert manager.not_ready() == ""
        await (await dial(manager)).close()
        Voice.ill = False
        await until(lambda: not manager.degraded())
        await gone(manager)

    with caplog.at_level(logging.WARNING, "vitagraph.host.monitoring"):
        hosting(scene, scripted(tmp_path, text=SPARED), **QUICK)
    told = [record.message for record in caplog.records if record.name == "vitagraph.host.monitoring"]
    assert told == [f"tts ({HERE}) is unhealthy: it is hoarse", f"tts ({HERE}) is healthy again"]


def test_monitoring_refuses_calls_while_a_node_has_no_healthy_member(tmp_path: Path) -> None:
    """Who calls is told so at once, and does not talk to a machine that has no voice."""

    async def scene(manager: CallManager) -> None:
        await manager.warm()
        await until(manager.not_ready)
        assert "out of order" in manager.not_ready()
        with pytest.raises(AdmissionError, match="Sorry, it is out of order just now"):
            await dial(manager)
        Voice.ill = False
        await until(lambda: not manager.not_ready())
        await (await dial(manager)).close()
        await gone(manager)

    hosting(scene, scripted(tmp_path, text=ALONE), **QUICK)


def test_monitoring_covers_another_graph_once_it_was_called(tmp_path: Path) -> None:
    """Also where its first call brought instructions of its own."""

    async def scene(manager: CallManager) -> None:
        await manager.warm()
        caller = await dial(manager, "hoarse", instructions="Be brief.")
        await until(manager.degraded)
        assert manager.not_ready() == "", "the default graph is well"
        with pytest.raises(AdmissionError, match="out of order"):
            await dial(manager, "hoarse")
        await caller.close()
        await gone(manager)

    scripted(tmp_path, "hoarse", ALONE)
    hosting(scene, "echo", [tmp_path], **QUICK)


def test_monitoring_counts_calls_by_what_they_use(tmp_path: Path) -> None:
    """Echoes that are taken for conversations, or the other way round, would spoil what each is known to cost."""

    async def scene(manager: CallManager) -> None:
        callers = [await dial(manager, graph) for graph in ("echo", "choir", "echo")]
        assert manager.counts() == CallCounts(new=1, light=2)
        callers[1].type("What time is it?")
        await callers[1].wait_for("response.created")
        assert manager.counts() == CallCounts(heavy=1, light=2)
        for caller in callers:
            await caller.close()
        await gone(manager)
        assert manager.counts() == CallCounts()

    scripted(tmp_path, "choir", SCRIPTED.replace("dialling_nodes:Beeper", "test_monitoring:Choir"))
    hosting(scene, "echo", [tmp_path])


# --- the process


class FakeMachine:
    """An idle machine, of whose memory the process uses the percentage that the test says."""

    cores = 2.0
    memory_limit = 100

    def __init__(self) -> None:
        self.used = 50

    def cpu(self) -> float:
        return 0.0

    def memory(self) -> int:
        return self.used


def metering(scene: Callable[[Runner, ProcessMeter], Awaitable[T]]) -> T:
    """Plays a scene with a meter, in real time."""

    async def main() -> T:
        async with Runner() as runner:
            meter = ProcessMeter(runner, lambda: (), FakeMachine())
            try:
                async with asyncio.timeout(20):
                    return await scene(runner, meter)
            finally:
                meter.close()

    return uvloop.run(main())


def test_monitoring_measures_this_process() -> None:
    """A host that measured nothing would take every call."""

    async def main() -> None:
        async with Runner() as runner:
            monitoring = Monitoring(HostSettings(health=0, thresholds=ROOMY), runner, CallCounts, lambda: ())
            try:
                clock = Clock(asyncio.get_running_loop())
                while clock.now() < 600 * MILLISECOND:
                    await clock.sleep(MILLISECOND)
                (processor,), found = monitoring.meter.resources(), monitoring.meter.measure()
                assert processor.total > 0
                assert 0 < found.memory < 1 and found.cpu > 0 and found.wait == 0
            finally:
                await monitoring.stop()

    uvloop.run(main())


def test_monitoring_makes_no_batches_under_memory_pressure() -> None:
    """The models would take again what the caches have given back, and the system would end the process."""

    async def main() -> list[bool]:
        async with Runner() as runner:
            machine, clock = FakeMachine(), Clock(asyncio.get_running_loop())
            meter = ProcessMeter(runner, lambda: (), machine)
            meter.load.start()
            found = []
            for machine.used in (50, 85, 70, 85):
                await clock.sleep(30 * SECOND)
                for _ in range(3):  # a step each
                    meter.measure()
                found.append(runner.resources.scheduler.memory_pressure)
            meter.close()
            assert not runner.resources.scheduler.memory_pressure, "the next host has memory"
            return found

    assert run_virtual(main()) == [False, True, False, True]


class Gate:
    """A model whose loading, or job, waits until the test opens it."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def wait(self, _: object = None) -> object:
        """For a compute thread."""
        self.open.wait(10)
        return self


async def _pool(runner: Runner, use: str, load: Callable[[Any], object] = lambda _: object()) -> Pool[object]:
    return await runner.resources.get(Pooled(load, key=lambda _: use, broken=lambda _: True), None, use)


def test_monitoring_names_pools_the_same_while_others_come_and_go() -> None:
    """A pool whose name moved on left a phantom behind, for whose sake calls were refused until a restart."""

    async def scene(runner: Runner, meter: ProcessMeter) -> None:
        gate = Gate()
        slow = asyncio.create_task(_pool(runner, "asr.slow", gate.wait))
        await Clock(asyncio.get_running_loop()).sleep(MILLISECOND)
        await _pool(runner, "tts.quick")
        assert [each.name for each in meter.resources()[1:]] == ["tts.quick"]
        gate.open.set()
        await slow
        assert {each.name for each in meter.resources()[1:]} == {"asr.slow", "tts.quick"}
        await runner.resources.get(Pooled(lambda _: object(), key=lambda _: "other"), None, "tts.quick")
        names = [each.name for each in meter.resources()]
        assert names[1:] == ["asr.slow", "tts.quick", "tts.quick (2)"] and meter.resources() == meter.resources()

    metering(scene)


class Large(Beeper):
    """Answers while there is room."""

    engine = Pooled(lambda _: object(), key=lambda _: "large")


def test_monitoring_leaves_out_a_model_that_gives_way_to_a_smaller_one(tmp_path: Path) -> None:
    """Its one caller would take the room of seven whom the smaller one can serve."""
    spare = "tests.vitagraph.host.dialling_nodes:Beeper"
    large = '{use: "%s:Large", limit: {when_full: %s, adaptive: true}, fallback: "%s"}'
    plans = {}
    for full in ("queue", "fallback"):
        text = SCRIPTED.replace(f"tts: {spare}", f"tts: {large % (__name__, full, spare)}")
        plans[full] = plan(load(scripted(tmp_path, full, text), registry=Registry()), Registry())

    async def scene(runner: Runner, meter: ProcessMeter) -> None:
        await runner.resources.get(Large.resources["engine"], None, "tts.large")
        meter.watch(plans["queue"])
        assert [each.name for each in meter.resources()[1:]] == ["tts.large"]
        meter.watch(plans["fallback"])
        assert meter.resources()[1:] == []

    metering(scene)


def test_monitoring_counts_the_wait_for_a_pool_once() -> None:
    """What callers waited long ago would close the host whenever another model becomes ready."""

    async def scene(runner: Runner, meter: ProcessMeter) -> None:
        gate, job = Gate(), Gate()
        slow = asyncio.create_task(_pool(runner, "asr.slow", gate.wait))
        await Clock(asyncio.get_running_loop()).sleep(MILLISECOND)
        pool = await _pool(runner, "tts.quick")
        answers = [asyncio.create_task(pool.run(job.wait)) for _ in range(2)]
        await Clock(asyncio.get_running_loop()).sleep(50 * MILLISECOND)
        job.open.set()
        await asyncio.gather(*answers)
        assert meter.measure().wait > 0.01
        gate.open.set()
        await slow
        assert meter.measure().wait == 0

    metering(scene)


def test_monitoring_handles_a_pool_whose_only_instance_is_being_replaced() -> None:
    """Whoever calls at that moment would get an error of the program."""

    async def scene(runner: Runner, meter: ProcessMeter) -> None:
        gate, loads = Gate(), iter([True])
        pool = await _pool(runner, "choir", lambda _: object() if next(loads, None) else gate.wait())

        def job(_: object) -> None:
            raise ResourceError("it broke")

        with pytest.raises(ResourceError):
            await pool.run(job)
        await until(lambda: pool.statistics().size == 0)
        (choir,) = meter.resources()[1:]
        assert choir.total >= 1
        gate.open.set()
        await until(lambda: pool.statistics().size == 1)

    metering(scene)


# --- memory


def test_memory_guard_takes_one_step_after_the_other_and_goes_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the system ends the process, and every call with it; or caches stay small for ever."""
    done: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: done.append("collect"))
    guard = MemoryGuard(lambda: done.append("shrink"), lambda on: done.append(f"economise {on}"), done.append)
    for share in (0.5, 0.79):
        guard.update(share)
    assert done == [] and not guard.tight
    steps = {0.81: ["collect"] * 2, 0.82: ["shrink", "caches"], 0.83: ["shrink", "economise True", "batches"]}
    for number, (share, expected) in enumerate(steps.items(), 1):
        guard.update(share)
        assert (done, guard.step) == (expected, number)
        done.clear()
    guard.update(0.85)  # below the threshold of admission control
    guard.update(0.78)  # caches would grow again
    assert (done, guard.step) == (["shrink", "shrink"], 3)
    guard.update(0.91)
    assert (done[2:], guard.step) == (["shrink", "refuse"], 4)
    done.clear()
    guard.update(0.7)
    guard.update(0.6)
    assert done == ["economise False", "relieved"] and guard.step == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 5


def test_memory_guard_lifts_its_restrictions_when_it_is_closed() -> None:
    """A host that comes after it would stay slow for ever."""
    told: list[bool] = []
    guard = MemoryGuard(lambda: None, told.append)
    for _ in range(3):
        guard.update(0.85)
    guard.close()
    assert told == [True, False] and not guard.tight
