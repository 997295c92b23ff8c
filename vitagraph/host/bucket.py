"""A token bucket: so many a second, and a burst at once."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to `burst` tokens and gets `rate` a second; full at the start. `now` gives seconds."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._tokens = burst
        self._at = now()

    def take(self, tokens: float = 1) -> bool:
        """Takes so many tokens; returns False and takes none if there are fewer."""
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def give_back(self, tokens: float = 1) -> None:
        """Returns so many tokens; beyond a full bucket they are lost."""
        self._tokens = min(self._burst, self._tokens + tokens)
