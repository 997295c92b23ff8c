"""The sum of the admission: what calls share, what one call has taken of it so far, and whether one more fits.

Shared are the cores, and each pool of a model: a pool of one model is like one core, for one
answer at a time is made with it. The more there is of something the further it can be used
before anybody waits for it.

There are calls of graphs with models and of graphs without, which take a fiftieth of that: what
the ones are seen to take says nothing of the others. Models are used by the ones alone. Of the
cores, calls without models are known by the times in which there are no others, and the rest is
what those with models take. Two unknowns could be fitted to all that was seen, but answers come
in bursts: the figure would scatter more, and by chance make calls seem half as dear as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

KNOWN = 60.0
"""Seconds of calls after which what they really take counts more than what was assumed."""
FORGET = 120.0
"""Seconds after which what calls have taken counts for a third."""
PROCESSOR = "the processor"


@dataclass(frozen=True, slots=True)
class Share:
    """Something that calls share."""

    name: str
    used: float
    """How much of it is in use: cores, or members of a pool."""
    total: float
    """How much there is."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many calls there are."""

    heavy: int = 0
    """Of graphs with models."""
    light: int = 0
    """Of graphs without."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.heavy + self.light

    def and_one(self, *, heavy: bool) -> Crowd:
        """One more."""
        return Crowd(self.heavy + heavy, self.light + (not heavy))

    def without(self, others: Crowd) -> Crowd:
        """Those that are not of the others."""
        return Crowd(max(0, self.heavy - others.heavy), max(0, self.light - others.light))


@dataclass(slots=True)
class Cost:
    """How much of something a call takes, on average."""

    spent: float = 0.0
    """Seconds that it was in use."""
    talked: float = 0.0
    """Seconds of calls meanwhile."""
    unknown: float = KNOWN
    """Seconds of calls that are only assumed."""

    def learn(self, used: float, calls: int, elapsed: float) -> None:
        """So much of it was in use, with so many calls, for so many seconds."""
        kept = math.exp(-elapsed / FORGET)
        self.spent = self.spent * kept + used * elapsed
        self.talked = self.talked * kept + calls * elapsed
        self.unknown *= math.exp(-calls * elapsed / (5 * KNOWN))

    def of_call(self, assumed: float) -> float:
        """What it has shown, and before that what is assumed."""
        return (assumed * self.unknown + self.spent) / (self.unknown + self.talked)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is taken for granted until calls have shown what they take."""

    heavy: float = 0.25
    """Cores of a call with models."""
    light: float = 0.005
    """Cores of a call without."""
    pool: float = 0.1
    """Members of a pool."""
    crowded: float = 0.25
    """How often an answer may find all at work: with a share of n in use that is about its n-th power.

    So one model, or core, may be in use for 25 % of the time, two for 50 %, eight for 84 %. For graphs with
    models: others have no answers that wait for each other."""
    full: float = 0.9
    """The share of the cores that graphs without models may use."""


class Headroom:
    """What calls have taken so far, of everything that they share."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._totals: dict[str, float] = {}
        """How much there is of each."""
        self._heavy: dict[str, Cost] = {}
        self._light = Cost()
        """Of the cores: they use nothing else."""

    def learn(self, shares: Iterable[Share], calls: Crowd, elapsed: float) -> None:
        """So it was for so many seconds. What is known of calls stays while there are none of them."""
        for share in shares:
            self._totals[share.name] = share.total
            cost = self._heavy.setdefault(share.name, Cost())
            if calls.heavy:
                cost.learn(max(0.0, share.used - self._others(share.name, calls.light)), calls.heavy, elapsed)
            elif calls.light and share.name == PROCESSOR:
                self._light.learn(share.used, calls.light, elapsed)

    def cost(self, name: str, *, heavy: bool = True) -> float:
        """How much of it a call takes."""
        if not heavy:
            return self._light.of_call(self._assumed.light) if name == PROCESSOR else 0.0
        return self._heavy[name].of_call(self._assumed.heavy if name == PROCESSOR else self._assumed.pool)

    def lack(self, calls: Crowd, *, heavy: bool) -> str:
        """What so many calls would have too little of for one like that, in words; empty: they have enough."""
        for name, total in self._totals.items() if heavy else ((PROCESSOR, self._totals[PROCESSOR]),):
            used = calls.heavy * self.cost(name) + calls.light * self.cost(name, heavy=False)
            room = self._assumed.crowded ** (1 / total) if heavy else self._assumed.full
            if used > room * total:
                count = calls.count if name == PROCESSOR else calls.heavy
                return f"{count} calls would use {used / total:.0%} of {name} (room: {room:.0%})"
        return ""

    def _others(self, name: str, light: int) -> float:
        """What calls without models take of it at the least: a guess too high would make the others seem free."""
        return light * min(self._assumed.light, self.cost(PROCESSOR, heavy=False)) if name == PROCESSOR else 0.0
