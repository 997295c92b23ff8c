"""Whether the machine has room for one more call: by what it shows, not by a number that somebody guessed.

There is a sum (`vitagraph.host.headroom`): what calls take, times as many as there would be,
must leave so much free that an answer seldom waits for another one. A crowd that comes at
once does not show in any measure yet, but in the sum it does. And there is a brake: five
measures say how those who talk already are served. Beyond the threshold of any of them no
further call is taken, until all are well below theirs again for a while. Where nobody talks
there is nobody to protect: the first caller is kept out by a lack of memory alone.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Protocol

from vitagraph.host.headroom import Assumed, Crowd, Headroom, Share

log = logging.getLogger(__name__)

PERIOD = 0.5
"""Seconds between two looks at the measures."""
SMOOTH = 5.0
"""Seconds after which what was measured counts for a third: a single turn of a single call is no overload."""
SETTLING = 10.0
"""Seconds after which a call shows what it costs: somebody has spoken, and was answered. Or shows no more."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What the machine shows."""

    lag: float = 0.0
    """Milliseconds by which the event loop is late."""
    cpu: float = 0.0
    """The share of its cores that the process uses: 0 to 1."""
    memory: float = 0.0
    """The share of its memory: 0 to 1."""
    wait: float = 0.0
    """Seconds for which jobs of models wait for a core or for the model."""
    queue: float = 0.0
    """Seconds for which a packet has waited for a service that nothing below holds up: the oldest."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on no call is taken; in the units of the measures."""

    lag: float = 40.0
    """Sound leaves every 20 ms: what is two frames late on average is heard."""
    cpu: float = 0.9
    """Nothing is left over for those who speak at the same time."""
    memory: float = 0.9
    """What one call may still need when it is at its largest."""
    wait: float = 0.5
    """Each of the three models of an answer waits so long, and the person three times that."""
    queue: float = 1.0
    """So much later comes every answer."""
    back: float = 0.8
    """The share of each threshold below which all must be again."""
    calm: float = 3.0
    """Seconds for which they must be."""
    assumed: Assumed = field(default_factory=Assumed)


_TOLD = {
    "lag": "the event loop is {value:.0f} ms late (threshold: {limit:.0f} ms)",
    "cpu": "{value:.0%} of the processor are used (threshold: {limit:.0%})",
    "memory": "{value:.0%} of the memory are used (threshold: {limit:.0%})",
    "wait": "jobs of models wait {value:.1f} s for their turn (threshold: {limit:.1f} s)",
    "queue": "packets wait {value:.1f} s for a service (threshold: {limit:.1f} s)",
}
_BUSY = "the machine is busy"
_CROWD = "many calls have come at once"
_NAMES = tuple(each.name for each in fields(Measures))


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not, and when to come back."""

    reason: str
    """For the person: follows on `Sorry, `."""
    detail: str
    """For the operator."""
    retry_after: float
    """Seconds."""


class Watched(Protocol):
    """Where the measures come from."""

    def measure(self) -> Measures:
        """As they are now."""

    def shares(self) -> list[Share]:
        """What calls share, as it is used now; the cores are called `PROCESSOR`."""


class Admission:
    """Looks at the measures, from `start` to `stop`; for the event loop only. `calls` is how many there are."""

    def __init__(self, thresholds: Thresholds, watched: Watched, calls: Callable[[], Crowd]) -> None:
        self.measures = Measures()
        """Smoothed."""
        self.full = ""
        """Which measure keeps calls out; empty: none."""
        self._thresholds = thresholds
        self._watched = watched
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._taken: deque[tuple[float, bool]] = deque()
        """When, and whether with models."""
        self._models_until = 0.0
        """When what calls with models have begun is over: it may last longer than they."""
        self._calm = 0.0
        self._headroom = Headroom(thresholds.assumed)
        self._headroom.learn(watched.shares(), Crowd(), 0)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to look."""
        if self._timer is None:
            self._timer = self._loop.call_later(PERIOD, self._look)

    def stop(self) -> None:
        """Ends it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def refusal(self, *, heavy: bool = True) -> Refused | None:
        """Why one more call, with models or without, could not be taken now; None: it could."""
        calls, limits = self._calls(), self._thresholds
        short = self.measures.memory >= limits.back * limits.memory
        if self.full and (calls.count or short):
            return Refused(_BUSY, self._detail(self.full), 2 * limits.calm)
        if calls.count and (lack := self._headroom.lack(calls.and_one(heavy=heavy), heavy=heavy)):
            return Refused(_CROWD if self._new().count else _BUSY, lack, SETTLING / 2)
        return None

    def take(self, *, heavy: bool = True) -> None:
        """One was taken, with models or without."""
        self._taken.append((self._loop.time(), heavy))

    def _new(self) -> Crowd:
        """Calls that do not show yet."""
        now = self._loop.time()
        while self._taken and now - self._taken[0][0] >= SETTLING:
            self._taken.popleft()
        heavy = sum(each for _, each in self._taken)
        return Crowd(heavy, len(self._taken) - heavy)

    def _shown(self) -> Crowd:
        """Calls that what is measured comes from; none where it may come from others."""
        calls, now = self._calls(), self._loop.time()
        if calls.heavy:
            self._models_until = now + SETTLING
        shown = calls.without(self._new())
        return shown if shown.heavy or now >= self._models_until else Crowd()

    def _look(self) -> None:
        self._timer = self._loop.call_later(PERIOD, self._look)
        found, kept = self._watched.measure(), math.exp(-PERIOD / SMOOTH)
        old = self.measures
        smoothed = {name: kept * getattr(old, name) + (1 - kept) * getattr(found, name) for name in _NAMES}
        self.measures = Measures(**{**smoothed, "memory": found.memory})
        self._headroom.learn(self._watched.shares(), self._shown(), PERIOD)
        self._judge()

    def _judge(self) -> None:
        shares = {name: getattr(self.measures, name) / getattr(self._thresholds, name) for name in _NAMES}
        worst = max(shares, key=lambda name: shares[name])
        if shares[worst] >= 1:
            if not self.full:
                log.warning("no further calls for now: %s", self._detail(worst))
            self.full, self._calm = worst, 0.0
        elif self.full and shares[worst] < self._thresholds.back:
            self._calm += PERIOD
            if self._calm >= self._thresholds.calm:
                self.full = ""
                log.warning("further calls are taken again")
        else:
            self._calm = 0.0

    def _detail(self, name: str) -> str:
        return _TOLD[name].format(value=getattr(self.measures, name), limit=getattr(self._thresholds, name))
