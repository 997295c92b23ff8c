"""An attack beside an honest caller."""

from __future__ import annotations

import asyncio
import gc
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
        slow = max(2 * usual["answer"], LEAST_ANSWER)
        found = {
            f"/healthz took {worst['health']} ms": worst["health"] > MOST_HEALTH,
            f"sound had a gap of {worst['gap']} ms": worst["gap"] > MOST_GAP,
            f"an answer took {worst['answer']} ms instead of {usual['answer']} ms": worst["answer"] > slow,
            "there was no answer": not worst["n"],
            f"memory went from {self.memory[0]} MB to {self.memory[1]} MB": self.memory[1] > 1.05 * self.memory[0],
        }
        return [*self.attacked.errors, *(fault for fault, happened in found.items() if happened)]


MOST_HEALTH = 100.0
MOST_GAP = 100.0
LEAST_ANSWER = 100.0
"""Milliseconds below which an answer is never slow: the baseline is 20."""


async def beside(host: HostProcess, attack: Attack) -> Report:
    """Runs an attack on a host while an honest caller talks with it."""
    async with honest_caller(host.address) as caller:
        await wait(1)
        caller.figures = baseline = Figures()
        gc.collect()
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
