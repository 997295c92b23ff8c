"""An attack beside an honest caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.hostile import attacker
from tests.hostile.attacker import Attack
from tests.hostile.honest import Figures, HonestCaller, honest_caller, wait
from tests.hostile.host import HostProcess

BASELINE_SECONDS = 3.0
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

    def __init__(self, host: HostProcess, caller: HonestCaller, baseline: Figures) -> None:
        self._host, self._caller, self._baseline = host, caller, baseline

    async def run(self, attack: Attack) -> Report:
        """Runs an attack while the caller talks, until it is over and what it took is free again."""
        host, caller = self._host, self._caller
        before = peak = await asyncio.to_thread(host.memory)
        caller.figures = attacked = Figures()
        running = asyncio.create_task(attacker.run(host.address, attack))
        while not running.done():
            await asyncio.wait((running,), timeout=0.5)
            peak = max(peak, await asyncio.to_thread(host.memory))
        printed = running.result()
        while not attacked.answers and not attacked.errors:
            await wait(0.1)
        await caller.probed()
        caller.figures = Figures(errors=attacked.errors)
        after = await _settled(host, before)
        return Report(self._baseline, attacked, (before, after), peak, printed)


@asynccontextmanager
async def beside_caller(host: HostProcess) -> AsyncIterator[Beside]:
    """A caller who talks with the host during the block."""
    async with honest_caller(host.address) as caller:
        await caller.warmed_up()
        caller.figures = baseline = Figures()
        await wait(BASELINE_SECONDS)
        yield Beside(host, caller, baseline)


async def beside(host: HostProcess, attack: Attack) -> Report:
    """Runs one attack on a host while an honest caller talks with it."""
    async with beside_caller(host) as caller:
        return await caller.run(attack)


async def _settled(host: HostProcess, before: float) -> float:
    """The memory once it is about what it was, or after a while."""
    for _ in range(round(2 * SETTLING_SECONDS)):
        memory = await asyncio.to_thread(host.memory)
        if memory <= MEMORY * before:
            break
        await wait(0.5)
    return memory
