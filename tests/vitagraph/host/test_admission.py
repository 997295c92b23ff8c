"""Admission control: as many calls as the machine can serve well, and no burst at once; it reopens by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.errors import AdmissionError
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.virtual import run_virtual
from tests.vitagraph.host.dialling import ROOMY, dial, gone, hosting
from vitagraph.host.admission import AdmissionControl, Measures, Refusal, Thresholds
from vitagraph.host.call_manager import CallManager
from vitagraph.host.errors import api_error_of
from vitagraph.host.headroom import PROCESSOR, CallCounts, SharedResource

LIMITS = Thresholds()
ASSUMED = LIMITS.assumed
ROOM = 2 * ASSUMED.crowded**0.5
"""Cores that calls with models may use, of two."""


def at_once(room: float) -> int:
    """How many calls with models can come at once, if all together may use so many cores."""
    return int(room / ASSUMED.heavy + ASSUMED.few * (1 - ASSUMED.new))


class Door:
    """Admission control in virtual time, with the machine that it measures and the calls that run.

    Those who enter say their first word `speaks_after` seconds later.
    """

    def __init__(self, thresholds: Thresholds = LIMITS) -> None:
        self.cores = 2.0
        self.pools: list[SharedResource] = []
        self.shows = Measures()
        self.heavy = self.light = 0
        """Calls with models, and without."""
        self.speaks_after = 2.0
        self._entered: list[float] = []
        """When those with models entered."""
        self._now = asyncio.get_running_loop().time
        self.admission = AdmissionControl(thresholds, self, self.counts)
        self.admission.start()

    def counts(self) -> CallCounts:
        self._entered = [at for at in self._entered if self._now() - at < self.speaks_after]
        new = min(self.heavy, len(self._entered))
        return CallCounts(self.heavy - new, self.light, new)

    def measure(self) -> Measures:
        return self.shows

    def resources(self) -> list[SharedResource]:
        return [SharedResource(PROCESSOR, self.shows.cpu * self.cores, self.cores), *self.pools]

    def ask(self, *, heavy: bool = True) -> Refusal | None:
        return self.admission.refusal(heavy=heavy)

    def enter(self, *, heavy: bool = True) -> bool:
        """One more caller; whether they got in."""
        if self.ask(heavy=heavy) is not None:
            return False
        self.heavy, self.light = self.heavy + heavy, self.light + (not heavy)
        self._entered += [self._now()] * heavy
        return True

    async def last(self, seconds: int, heavy: float, light: float) -> float:
        """Calls take so many cores each, for so long; how many all take then."""
        used = self.heavy * heavy + self.light * light
        await self.show(seconds, cpu=min(1.0, used / self.cores))
        return used

    async def show(self, seconds: float, **measures: float) -> Refusal | None:
        """The machine shows this for so long; what a caller is told then."""
        self.shows = replace(self.shows, **measures)
        await Clock(asyncio.get_running_loop()).sleep(round(seconds * SECOND))
        return self.ask()


def at_door(scene: Callable[[Door], Awaitable[None]], thresholds: Thresholds = LIMITS) -> None:
    async def main() -> None:
        door = Door(thresholds)
        try:
            await scene(door)
        finally:
            door.admission.stop()

    run_virtual(main())


@pytest.mark.parametrize(
    ("measure", "bad"), [("lag", 200.0), ("cpu", 0.95), ("memory", 0.95), ("wait", 3.0), ("queue", 5.0)]
)
def test_admission_refuses_above_a_threshold_and_accepts_below_it(
    measure: str, bad: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Else those who talk already would be served badly, or the host would stay shut."""

    async def scene(door: Door) -> None:
        door.heavy = 3
        assert await door.show(30) is None
        refused = await door.show(30, **{measure: bad})
        assert refused is not None and refused.retry_after > 0
        assert "busy" in refused.reason and "threshold" in refused.detail
        assert await door.show(60, **{measure: 0.0}) is None

    with caplog.at_level(logging.WARNING):
        at_door(scene)
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "no further calls for now",
        "further calls are taken again",
    ]


def test_admission_ignores_a_load_spike_of_one_turn() -> None:
    """A model that takes every core for a second keeps nobody out."""

    async def scene(door: Door) -> None:
        door.heavy = 1
        for _ in range(20):
            assert await door.show(1, cpu=1.0, lag=60.0, wait=0.8) is None
            assert await door.show(7, cpu=0.05, lag=0.0, wait=0.0) is None

    at_door(scene)


def test_admission_does_not_flap_at_a_threshold(caplog: pytest.LogCaptureFixture) -> None:
    """Callers would be told yes and no by turns, and the log would fill."""

    async def scene(door: Door) -> None:
        door.heavy = 3
        for _ in range(100):
            await door.show(3, lag=1.2 * LIMITS.lag)
            await door.show(3, lag=0.85 * LIMITS.lag)
        assert door.ask() is not None
        assert await door.show(60, lag=0.5 * LIMITS.lag) is None

    with caplog.at_level(logging.WARNING):
        at_door(scene)
    assert len(caplog.records) == 2


def test_admission_accepts_eight_calls_at_once_on_two_cores() -> None:
    """A graph with smaller models for a crowd could serve them, and half of them would be sent away."""

    async def scene(door: Door) -> None:
        door.pools = [SharedResource(name, 0, 1) for name in ("asr.whisper", "dialogue.llama (2)", "tts.piper")]
        assert sum(door.enter() for _ in range(8)) == 8

    at_door(scene)


def test_admission_does_not_hold_the_loading_of_models_against_the_first_callers() -> None:
    """A host that has just started would tell its second caller that the machine is busy."""

    async def scene(door: Door) -> None:
        await door.show(20, lag=400, wait=3.0)
        await door.show(1, lag=1, wait=0.0)
        assert door.enter() and door.enter()

    at_door(scene)


@pytest.mark.parametrize("cores", [1.0, 2.0, 16.0])
def test_admission_accepts_four_calls_within_a_second(cores: float) -> None:
    """On an idle machine whose models are one of each: who has not spoken yet costs nearly nothing."""

    async def scene(door: Door) -> None:
        door.cores = cores
        door.pools = [SharedResource(name, 0, 1) for name in ("asr.whisper", "dialogue.llama", "tts.piper")]
        await door.show(1)
        for _ in range(4):
            assert door.enter()
            await door.show(0.2)

    at_door(scene)


def test_admission_silent_calls_keep_nobody_out() -> None:
    """Somebody with many tabs that are open and silent takes seats, but no load: the door stays open."""

    async def scene(door: Door) -> None:
        door.pools = [SharedResource("dialogue.llama", 0, 1)]
        door.light = 50  # so they count once they have been silent for a while
        assert await door.show(30, cpu=0.1) is None
        assert sum(door.enter() for _ in range(4)) == 4

    at_door(scene)


def test_admission_does_not_accept_a_burst_as_a_whole() -> None:
    """Nothing shows yet of those who came a moment ago: by the time it does, it would be too late."""

    async def scene(door: Door) -> None:
        door.speaks_after = 10
        assert sum(door.enter() for _ in range(100)) == at_once(ROOM)
        refused = door.ask()
        assert refused is not None and refused.reason == "many calls have come at once"
        assert await door.show(300) is None, "those who are in cost nothing after all"

    at_door(scene)


def test_admission_always_accepts_the_first_call() -> None:
    """A machine that one call fills serves that one."""

    async def scene(door: Door) -> None:
        assert door.enter() and not door.enter()

    at_door(scene, replace(LIMITS, assumed=replace(ASSUMED, heavy=10)))


@pytest.mark.parametrize(("measure", "bad"), [("lag", 200.0), ("cpu", 0.95), ("wait", 3.0), ("queue", 5.0)])
def test_admission_accepts_the_first_call_under_foreign_load(measure: str, bad: float) -> None:
    """All lines would be called busy where none is; a call that stutters is better than none."""

    async def scene(door: Door) -> None:
        assert await door.show(30, **{measure: bad}) is None
        assert door.enter() and not door.enter()

    at_door(scene)


def test_admission_refuses_even_the_first_call_without_memory() -> None:
    """The system would end the process."""

    async def scene(door: Door) -> None:
        assert await door.show(30, memory=0.95, lag=200.0) is not None
        assert await door.show(60, memory=0.5) is None

    at_door(scene)


@pytest.mark.parametrize(("cores", "used"), [(1.0, 0.25), (2.0, 0.5), (8.0, 0.84)])
def test_admission_learns_the_cost_of_a_call(cores: float, used: float) -> None:
    """A machine of which nobody knew what it can do fills up to what it can: more cores can be used further."""

    async def scene(door: Door) -> None:
        door.cores = cores
        cost = 0.02  # cores; a twelfth of what is assumed
        for _ in range(1500):
            door.enter()
            await door.show(1, cpu=door.heavy * cost / cores)
        assert door.heavy * cost / cores == pytest.approx(used, rel=0.1)

    at_door(scene)


@pytest.mark.parametrize(("members", "used"), [(1, 0.25), (4, 0.71)])
def test_admission_limits_calls_by_a_shared_model(members: int, used: float) -> None:
    """Where the cores are idle, but one answer waits for the other at the only model."""

    async def scene(door: Door) -> None:
        cost = 0.04  # of the time that somebody calls, their answer is being made
        for _ in range(1500):
            door.enter()
            door.pools = [SharedResource("dialogue.llama", door.heavy * cost, members)]
            await door.show(1, cpu=0.01)
        assert door.heavy * cost / members == pytest.approx(used, rel=0.15)
        refused = door.ask()
        assert refused is not None and "dialogue.llama" in refused.detail

    at_door(scene)


def test_admission_forgets_a_model_pool_that_is_gone() -> None:
    """Else its last cost refuses calls until the host is restarted."""

    async def scene(door: Door) -> None:
        door.heavy = 4
        door.pools = [SharedResource("dialogue.llama", 1, 1)]
        refused = await door.show(60)
        assert refused is not None and "dialogue.llama" in refused.detail
        door.pools = [SharedResource("dialogue.other", 0, 1)]
        assert await door.show(60) is None

    at_door(scene)


def test_admission_limits_graphs_without_models_by_measured_load_only() -> None:
    """A hundred echoes at once are no load."""

    async def scene(door: Door) -> None:
        assert sum(door.enter(heavy=False) for _ in range(100)) == 100
        assert await door.show(30, lag=100.0) is not None

    at_door(scene)


@pytest.mark.parametrize("light", [0.0005, 0.005, 0.01])
def test_admission_calls_without_models_do_not_lower_cost_of_those_with(light: float) -> None:
    """After an hour of echoes a crowd of conversations would be let in, and none of them be served well."""

    async def scene(door: Door) -> None:
        door.cores, door.light = 4.0, 50
        room = 4 * ASSUMED.crowded**0.25
        await door.last(3600, 0.25, light)
        assert sum(door.enter() for _ in range(100)) == at_once(room - 50 * light)
        most, cost = 0.0, 0.5  # twice what was assumed
        door.heavy = 2
        for _ in range(120):
            await door.last(10, cost, light)
            door.enter()
            most = max(most, door.heavy * cost + door.light * light)
        assert room - 2 * cost < most <= room + cost

    at_door(scene)


def test_admission_calls_with_models_do_not_raise_cost_of_those_without() -> None:
    """Where a few conversations fill a host to what they may use, a hundred echoes are still no load."""

    async def scene(door: Door) -> None:
        door.heavy = 4
        await door.last(3600, 0.25, 0)
        assert door.ask() is not None
        assert sum(door.enter(heavy=False) for _ in range(100)) == 100
        await door.last(3600, 0.25, 0.005)
        door.heavy = 0
        await door.last(60, 0.25, 0.005)
        assert door.ask(heavy=False) is None

    at_door(scene)


def test_admission_learns_the_cost_of_calls_without_models() -> None:
    """They may be dearer than was assumed: then there is room for fewer."""

    async def scene(door: Door) -> None:
        for _ in range(600):
            door.enter(heavy=False)
            used = await door.last(3, 0, 0.05)
        assert used / door.cores == pytest.approx(ASSUMED.full, rel=0.05)

    at_door(scene, replace(LIMITS, cpu=2.0))


def test_admission_new_calls_do_not_lower_the_learned_cost() -> None:
    """A crowd that has just come in would open the door for the next one."""

    async def scene(door: Door) -> None:
        door.cores, door.heavy, door.speaks_after = 64.0, 4, 10
        await door.last(600, 0.25, 0)
        while door.enter() and door.heavy < 40:
            pass
        await door.show(9)
        assert door.admission.headroom.cost(PROCESSOR) == pytest.approx(0.25, rel=0.01)

    at_door(scene)


def test_admission_work_outlasting_its_call_is_not_charged_to_others() -> None:
    """An answer may still be computed when its caller has gone; it is not the echo that takes a core."""

    async def scene(door: Door) -> None:
        for _ in range(50):
            door.heavy, door.light = 1, 1
            await door.show(20, cpu=0.1)
            door.heavy = 0
            await door.show(6, cpu=0.5)
        assert door.admission.headroom.cost(PROCESSOR, heavy=False) == pytest.approx(ASSUMED.light)

    at_door(scene)


def test_admission_serves_accepted_calls_under_fourfold_overload(caplog: pytest.LogCaptureFixture) -> None:
    """The calls of a crowd that keeps coming cost less than the machine has, the whole time; then it is as before."""
    served: list[float] = []

    async def scene(door: Door) -> None:
        cost, crowd = 0.2, 4 * int(door.cores / 0.2)
        for _ in range(120):
            if door.heavy < crowd:
                door.enter()
            await door.show(1, cpu=min(1.0, door.heavy * cost / door.cores))
            served.append(door.heavy * cost / door.cores)
        assert door.ask() is not None
        door.heavy = 0
        assert await door.show(60, cpu=0.0) is None

    at_door(scene)
    assert 0.35 < max(served) <= ROOM / 2 + 0.05


# --- through the call manager


@pytest.fixture
def lagging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What the host's measures say of its lag."""
    lag = [0.0]
    monkeypatch.setattr("vitagraph.host.monitoring.ProcessMeter.measure", lambda _: Measures(lag=lag[0]))
    monkeypatch.setattr("vitagraph.host.admission.PERIOD", 0.01)
    monkeypatch.setattr("vitagraph.host.admission.SMOOTH", 0.05)
    return iter([lag]).__next__()  # type: ignore[return-value]


async def _until(holds: Callable[[], object]) -> None:
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        while not holds():
            await clock.sleep(10 * MILLISECOND)


def test_admission_loaded_host_refuses_new_calls_and_keeps_running_ones(lagging: list[float]) -> None:
    """Who calls is told so, and when to come again; who talks goes on talking."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        lagging[0] = 500.0
        await _until(manager.not_ready)
        with pytest.raises(AdmissionError) as refused:
            await dial(manager)
        answer = api_error_of(refused.value)
        assert (answer.status_code, answer.code) == (503, "no_seat")
        assert answer.detail.startswith("Sorry, the machine is busy. Try again in ")
        assert "threshold" not in answer.detail and manager.count == 1
        lagging[0] = 0.0
        await _until(lambda: not manager.not_ready())
        await (await dial(manager)).close()
        await caller.close()
        await gone(manager)

    limits: dict[str, Any] = {"thresholds": replace(ROOMY, lag=40.0, calm=0.1)}
    hosting(scene, **limits)
