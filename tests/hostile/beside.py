"""An attack beside an honest caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from nodes.webrtc.transport.opus import library
from tests.hostile.attacker import Attack, Attacker, attacking
from tests.hostile.honest import Figures, HonestCaller, honest_caller, wait
from tests.hostile.host import HostProcess, hosting
from tests.nodes.webrtc.client import loopback
from tests.vitagraph.host.dialling import scripted

BASELINE_SECONDS = 3.0
ATTEMPTS = 3
SETTLING_SECONDS = 6.0
"""How long the host has to free what an attack took."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an honest caller noticed before and during an attack, and the memory of the host, MB."""

    baseline: Figures
    attacked: Figures
    memory: tuple[float, float]
    """Before the attack, and after it."""
    peak: float
    """The most during the attack."""
    attacker: str
    """What the attacker printed."""

    def faults(self) -> list[str]:
        """What the attack did to others; empty if nothing."""
        worst, usual = self.attacked.summary(), self.baseline.summary()
        before, after = self.memory
        found = [
            f"{name} took {worst[name]} ms, before the attack {usual[name]} ms"
            for name in ("health", "gap", "answer")
            if worst[name] > max(LIMIT, 2 * usual[name]) + LAGS * worst["lag"]
        ]
        if not worst["n"]:
            found.append("there was no answer")
        if after > MEMORY * before:
            found.append(f"memory went from {before:.0f} MB to {after:.0f} MB")
        return [*self.attacked.errors, *found]


LIMIT = 100.0
"""Milliseconds that everything may take; twice as long as before the attack, where that was more."""
LAGS = 4
"""How often an answer waits for the machine, if that is busy with other programs: in two processes, each way."""
MEMORY = 1.05


class Beside:
    """An honest caller on a host; `run` attacks one after another."""

    def __init__(self, host: HostProcess, caller: HonestCaller, attacker: Attacker, baseline: Figures) -> None:
        self._host, self._caller, self._attacker, self._baseline = host, caller, attacker, baseline

    async def run(self, attack: Attack) -> Report:
        """Runs an attack while the caller talks, until it is over and what it took is free again."""
        host, caller = self._host, self._caller
        before = peak = await asyncio.to_thread(host.memory)
        caller.figures = attacked = Figures()
        running = asyncio.create_task(self._attacker.run(attack))
        while not running.done():
            await asyncio.wait((running,), timeout=0.25)
            peak = max(peak, await asyncio.to_thread(host.memory))
        printed = running.result()
        while not attacked.answers and not attacked.errors:
            await wait(0.1)
        await caller.probed()
        caller.figures = Figures(errors=attacked.errors)
        after = await _settled(host, before)
        return Report(self._baseline, attacked, (before, after), peak, printed)


@asynccontextmanager
async def beside_caller(host: HostProcess, share: float = 1.0) -> AsyncIterator[Beside]:
    """A caller who talks with the host during the block; attacks last a share of their usual time."""
    async with honest_caller(host.address) as caller, attacking(host.address, share) as attacker:
        await caller.warmed_up()
        caller.figures = baseline = Figures()
        await wait(BASELINE_SECONDS)
        yield Beside(host, caller, attacker, baseline)


def run_beside(attacks: Sequence[Attack], folder: Path, share: float) -> tuple[dict[str, Report], str]:
    """Runs attacks one after another while an honest caller talks; returns what each did, and the host's log.

    One that hurt somebody is tried again: the machine that runs the tests may have been busy.
    """
    reports = {}

    async def scene(host: HostProcess) -> None:
        with loopback():
            async with beside_caller(host, share) as caller:
                for attack in attacks:
                    for _ in range(ATTEMPTS):
                        reports[attack.__name__] = report = await caller.run(attack)
                        if not report.faults():
                            break

    library()
    with hosting(scripted(folder), folder / "log") as host:
        uvloop.run(scene(host))
        return reports, host.log


async def _settled(host: HostProcess, before: float) -> float:
    """The memory once it is about what it was, or after a while."""
    for _ in range(round(2 * SETTLING_SECONDS)):
        memory = await asyncio.to_thread(host.memory)
        if memory <= MEMORY * before:
            break
        await wait(0.5)
    return memory


SHORT = pytest.param(0.25, id="short", marks=pytest.mark.timeout(180))
LONG = pytest.param(1.0, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(900)])
"""How long attacks last in bin/test, and in `pytest -m slow tests/hostile`."""
