"""When an alert fires and when it clears: `for` before, `keep_for` after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["inactive", "pending", "firing"]


@dataclass(slots=True)
class AlertPhase:
    """The state machine of one rule and one combination of labels; times in nanoseconds, as Prometheus does it.

    inactive -> pending    the condition holds
    pending  -> firing     it has held for `hold` without a break (at once for 0)
    pending  -> inactive   it holds no more
    firing   -> inactive   it has not held for `keep` (at once for 0)
    """

    hold: int
    keep: int
    phase: Phase = "inactive"
    began: int = 0
    """When it became pending."""
    last: int = 0
    """When the condition was last seen to hold."""
    value: float = 0.0
    """The statistic at that time."""

    def update(self, now: int, value: float | None, *, holds: bool) -> Phase:
        """Takes the statistic now, None without one, and whether the condition holds; `now` must not fall."""
        if holds and value is not None:
            self.last, self.value = now, value
            if self.phase == "inactive":
                self.phase, self.began = "pending", now
            if self.phase == "pending" and now - self.began >= self.hold:
                self.phase = "firing"
        elif self.phase == "pending" or now - self.last >= self.keep:
            self.phase = "inactive"
        return self.phase
