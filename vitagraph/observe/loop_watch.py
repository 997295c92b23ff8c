"""Measures for how long the event loop was blocked, and names what blocks it."""

from __future__ import annotations

import asyncio
import logging
import math

from pipeline.clock import VirtualTime
from vitagraph.observe.stall import LoopStall, StallWatchdog, described

log = logging.getLogger(__name__)

PERIOD = 0.05
"""Seconds between two looks at the clock."""
BLOCKED = 0.05
"""Seconds by which a look must be late to count: two packets of sound and a half."""
REPORT = 60.0
"""Seconds between two reports."""


class LoopWatch:
    """Looks at the clock every 50 ms, from `start` to `stop`: a late look shows that something blocked the loop.

    What did is in the log, once a minute at most. In virtual time it only counts.
    """

    def __init__(self) -> None:
        self.blocked = 0.0
        """Seconds by which looks were late, in total, for those that were more than 50 ms late."""
        self.stalls = 0
        """How many were, without those for which the process or the machine did not run."""
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._reported = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: StallWatchdog | None = None

    def start(self) -> None:
        """Begins to look."""
        if not isinstance(self._loop, VirtualTime):
            self._watchdog = StallWatchdog(PERIOD, BLOCKED)
            self._watchdog.start()
        self._arm()

    def stop(self) -> None:
        """Stops looking; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None

    def _arm(self) -> None:
        self._due = self._loop.time() + PERIOD
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        late = self._loop.time() - self._due
        stall = self._watchdog.beat() if self._watchdog is not None else None
        if late > BLOCKED:
            self.blocked += late
            if stall is None or stall.scheduled:
                self.stalls += 1
                self._report(late, stall)
        self._arm()

    def _report(self, late: float, stall: LoopStall | None) -> None:
        now = self._loop.time()
        if stall is not None and stall.where and now - self._reported >= REPORT:
            self._reported = now
            log.warning("the event loop was blocked for %.0f ms by %s", 1000 * late, described(stall))
