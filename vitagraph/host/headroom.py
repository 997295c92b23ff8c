"""The sum of the admission: what calls share, what one call has taken of it so far, and whether one more fits.

Shared are the cores, and each pool of a model: a pool of one model is like one core, for one
answer at a time is made with it. The more there is of something the further it can be used
before anybody waits for it.
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


@dataclass(slots=True)
class Cost:
    """How much of something a call takes, on average."""

    total: float
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
    crowded: float = 0.3
    """How often an answer may find all at work: with a share of n in use that is about its n-th power.

    So one model, or core, may be in use for 30 % of the time, two for 55 %, eight for 86 %. For graphs with
    models: others have no answers that wait for each other."""
    full: float = 0.9
    """The share of the cores that graphs without models may use."""


class Headroom:
    """What calls have taken so far, of everything that they share."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._costs: dict[str, Cost] = {}

    def learn(self, shares: Iterable[Share], calls: int, elapsed: float) -> None:
        """So it was for so many seconds. While nobody calls, what is known stays."""
        for share in shares:
            cost = self._costs.setdefault(share.name, Cost(share.total))
            cost.total = share.total
            if calls > 0:
                cost.learn(share.used, calls, elapsed)

    def cost(self, name: str, *, heavy: bool = True) -> float:
        """How much of it a call takes."""
        assumed = self._assumed
        guess = (assumed.heavy if heavy else assumed.light) if name == PROCESSOR else assumed.pool
        return self._costs[name].of_call(guess)

    def lack(self, calls: int, *, heavy: bool) -> str:
        """What so many calls would have too little of, in words; empty: they have enough."""
        for name, there in self._costs.items():
            if name != PROCESSOR and not heavy:
                continue
            share = calls * self.cost(name, heavy=heavy) / there.total
            room = self._assumed.crowded ** (1 / there.total) if heavy else self._assumed.full
            if share > room:
                return f"{calls} calls would use {share:.0%} of {name} (room: {room:.0%})"
        return ""
