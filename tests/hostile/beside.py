"""An attack beside an honest caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.hostile import attacker
from tests.hostile.attacker import Attack
from tests.hostile.honest import Figures, honest_caller, wait
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
            if worst[name] > max(LIMIT, 2 * usual[name])
        ]
        if not worst["n"]:
            found.append("there was no answer")
        if after > MEMORY * before:
            found.append(f"memory went from {before:.0f} MB to {after:.0f} MB")
        return [*self.attacked.errors, *found]


LIMIT = 100.0
"""Milliseconds that everything may take; twice as long as before the attack, where the machine is busy with others."""
MEMORY = 1.05


async def beside(host: HostProcess, attack: Attack) -> Report:
    """Runs an attack on a host while an honest caller talks with it."""
    async with honest_caller(host.address) as caller:
        await caller.warmed_up()
        caller.figures = baseline = Figures()
        await wait(BASELINE_SECONDS)
        before = await asyncio.to_thread(host.memory)
        caller.figures = attacked = Figures(errors=caller.figures.errors)
        peak = before
        running = asyncio.create_task(attacker.run(host.address, attack))
        while not running.done():
            await asyncio.wait((running,), timeout=0.5)
            peak = max(peak, await asyncio.to_thread(host.memory))
        printed = running.result()
        await wait(0.5)
        await caller.probed()
        caller.figures = Figures(errors=attacked.errors)
        after = await _settled(host, before)
    return Report(baseline, attacked, (before, after), peak, printed)


async def _settled(host: HostProcess, before: float) -> float:
    """The memory once it is about what it was, or after a while."""
    for _ in range(round(2 * SETTLING_SECONDS)):
        memory = await asyncio.to_thread(host.memory)
        if memory <= 1.05 * before:
            break
        await wait(0.5)
    return memory
