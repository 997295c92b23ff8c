"""Measures for how long the event loop was blocked."""

from __future__ import annotations

import asyncio

PERIOD = 0.05
"""Seconds between two looks at the clock."""
BLOCKED = 0.05
"""Seconds by which a look must be late to count: two packets of sound and a half."""


class LoopWatch:
    """Looks at the clock every 50 ms, from `start` to `stop`: a late look shows that something blocked the loop."""

    def __init__(self) -> None:
        self.blocked = 0.0
        """Seconds by which looks were late, in total, for those that were more than 50 ms late."""
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to look."""
        self._due = self._loop.time() + PERIOD
        self._timer = self._loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Stops looking; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        late = self._loop.time() - self._due
        if late > BLOCKED:
            self.blocked += late
        self.start()
