"""What a session tells about itself when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.errors import Stuck
from pipeline.events import NodeFailed
from pipeline.runtime.link import LinkStatistics

KEPT = 100
"""Failures that a report keeps; the rest are counted."""

Ended = Literal["eos", "stopped", "failed", "drained late"]


@dataclass(slots=True)
class SessionReport:
    """How it ended, what went wrong, and what each link did."""

    ended: Ended = "eos"
    duration: int = 0
    """Nanoseconds on the session's clock."""
    failures: list[NodeFailed] = field(default_factory=list)
    """The first 100."""
    failure_count: int = 0
    links: tuple[LinkStatistics, ...] = ()
    stuck: list[Stuck] = field(default_factory=list)
    """What did not end in time, with its await chain."""
    error: Exception | None = None
    """Why it ended, when a failure ended it."""

    def add_failure(self, failure: NodeFailed) -> None:
        """Counts a failure, and keeps it if there is room."""
        self.failure_count += 1
        if len(self.failures) < KEPT:
            self.failures.append(failure)

    def add_stuck(self, stuck: Stuck) -> None:
        """Keeps what did not end, if there is room."""
        if len(self.stuck) < KEPT:
            self.stuck.append(stuck)
