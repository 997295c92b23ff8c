"""What calls use of the resources that they share, and whether there is enough for one more.

Shared are the processor cores and the pool of each model. One model serves one answer at a
time, so a pool of one is like one core. The larger a resource is, the higher it can be
utilised before answers wait for each other.

Turns are what costs. A call of a graph with models is "heavy" while turns are answered in it;
one in which nobody has spoken lately only carries sound, as a call of a graph without models
does: it is "light", about a fiftieth of the cost. A call that has just connected may become
heavy any moment. Seldom do all such calls at once, so the first few of them count a quarter
of a heavy call; those beyond count in full, so that a crowd is not admitted as a whole.

The two costs are learned separately. Only heavy calls use models. The processor cost of a
light call is learned while no heavy call runs; a heavy call costs what is left after the
light ones. We do not fit both costs to all samples: answers come in bursts, so the fit would
scatter more and could underestimate a call by half.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

KNOWN = 60.0
"""Seconds of calls after which the measured cost outweighs the assumed one."""
FORGET = 120.0
"""Time constant of the averages, in seconds: older samples count for less than a third."""
PROCESSOR = "the processor"


@dataclass(frozen=True, slots=True)
class SharedResource:
    """A resource that calls share, as it is used at one moment."""

    name: str
    """Unique, and the same for as long as the resource exists."""
    used: float
    """Cores in use, or instances of a pool that are lent."""
    total: float
    """Cores, or instances that the pool may have."""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """The number of connected calls."""

    heavy: int = 0
    """Calls of graphs with models in which a turn was answered lately."""
    light: int = 0
    """Calls of graphs without models, and calls in which nobody has spoken for a while."""
    new: int = 0
    """Calls of graphs with models that have just connected, without a turn so far."""

    @property
    def count(self) -> int:
        """All calls."""
        return self.heavy + self.light + self.new

    def and_one(self, *, heavy: bool) -> CallCounts:
        """The counts with one more call, of a graph with models or without."""
        return replace(self, new=self.new + 1) if heavy else replace(self, light=self.light + 1)


@dataclass(slots=True)
class CallCost:
    """How much of a resource one call uses on average."""

    spent: float = 0.0
    """Seconds of use, decayed."""
    talked: float = 0.0
    """Seconds of calls in the same time, decayed."""
    unknown: float = KNOWN
    """Weight of the assumed cost, in seconds of calls."""

    def learn(self, used: float, calls: int, elapsed: float) -> None:
        """Adds a sample: `used` by `calls` for `elapsed` seconds."""
        kept = math.exp(-elapsed / FORGET)
        self.spent = self.spent * kept + used * elapsed
        self.talked = self.talked * kept + calls * elapsed
        self.unknown *= math.exp(-calls * elapsed / (5 * KNOWN))

    def of_call(self, assumed: float) -> float:
        """The measured cost, weighted with the assumed one until enough is known."""
        return (assumed * self.unknown + self.spent) / (self.unknown + self.talked)


@dataclass(frozen=True, slots=True)
class AssumedCosts:
    """What is assumed of calls until they have been measured, and how far resources may be utilised."""

    heavy: float = 0.25
    """Cores that a heavy call uses."""
    light: float = 0.005
    """Cores that a light call uses."""
    pool: float = 0.1
    """Instances of a pool that a heavy call uses."""
    new: float = 0.25
    """What each of the first `few` new calls counts of a heavy one, 0 to 1."""
    few: int = 8
    """New calls that count less than a heavy one."""
    crowded: float = 0.25
    """How often an answer may find every core or instance busy, 0 to 1.

    With n of them, that is about the n-th power of the utilisation: one may be busy 25 % of the time, two
    50 %, eight 84 %. For heavy calls only: light ones have no answers that wait for each other."""
    full: float = 0.9
    """Utilisation of the cores up to which light calls are taken, 0 to 1."""


class Headroom:
    """Learns what calls cost and says what would be short with more of them."""

    def __init__(self, assumed: AssumedCosts) -> None:
        self._assumed = assumed
        self._totals: dict[str, float] = {}
        self._heavy: dict[str, CallCost] = {}
        self._light = CallCost()
        """Of the processor; light calls use nothing else."""

    def learn(self, resources: Iterable[SharedResource], calls: CallCounts, elapsed: float) -> None:
        """Takes all resources as they were used for `elapsed` seconds; those that are gone are forgotten.

        Costs do not change while there are no calls of their kind.
        """
        resources = tuple(resources)
        self._totals = {each.name: each.total for each in resources}
        self._heavy = {name: self._heavy.get(name, CallCost()) for name in self._totals}
        for each in resources:
            if calls.heavy:
                used = max(0.0, each.used - self._used_by_light(each.name, calls.light))
                self._heavy[each.name].learn(used, calls.heavy, elapsed)
            elif calls.light and not calls.new and each.name == PROCESSOR:
                self._light.learn(each.used, calls.light, elapsed)

    def cost(self, name: str, *, heavy: bool = True) -> float:
        """Cores or instances of a resource that one heavy or light call uses."""
        if not heavy:
            return self._light.of_call(self._assumed.light) if name == PROCESSOR else 0.0
        return self._heavy[name].of_call(self._assumed.heavy if name == PROCESSOR else self._assumed.pool)

    def shortage(self, calls: CallCounts, *, heavy: bool) -> str:
        """Which resource so many calls would exceed; empty if none. Without `heavy`, only the cores count."""
        busy = calls.heavy + self._expected(calls.new)
        for name, total in self._totals.items() if heavy else ((PROCESSOR, self._totals[PROCESSOR]),):
            used = busy * self.cost(name) + calls.light * self.cost(name, heavy=False)
            room = self._assumed.crowded ** (1 / total) if heavy else self._assumed.full
            if used > room * total:
                count = calls.count if name == PROCESSOR else calls.heavy + calls.new
                return f"{count} calls would use {used / total:.0%} of {name} (room: {room:.0%})"
        return ""

    def _expected(self, new: int) -> float:
        """How many heavy calls new ones count as."""
        few = min(new, self._assumed.few)
        return few * self._assumed.new + new - few

    def _used_by_light(self, name: str, light: int) -> float:
        """A lower bound of what light calls use: a guess too high would make heavy calls seem free."""
        return light * min(self._assumed.light, self.cost(PROCESSOR, heavy=False)) if name == PROCESSOR else 0.0
