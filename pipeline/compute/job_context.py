"""On which terms work is computed: how urgent it is, for whom, and why.

A session sets `JOB_CONTEXT` before it lets a node work; pools and the scheduler read it, so that
no node has to pass it on.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar
from typing import Literal

import msgspec

from pipeline.cause import Cause

Lane = Literal["high", "normal", "low"]
LANES: tuple[Lane, ...] = ("high", "normal", "low")


class JobContext(msgspec.Struct, frozen=True, eq=False):
    """How urgent some work is, for whom it is, and what calls it off."""

    lane: Lane = "normal"
    """High goes before normal, normal before low; none starves."""
    session: Hashable = ""
    """Within a lane sessions take turns."""
    cause: Cause | None = None
    """When it is revoked, work that has not started never does."""
    deadline: int | None = None
    """Nanoseconds on the event loop's clock, after which the work need not start any more."""

    @property
    def is_live(self) -> bool:
        """Whether its cause, if it has one, still lives."""
        return self.cause is None or self.cause.live

    def without_cause(self) -> JobContext:
        """For what has to be tidied up whatever becomes of the cause."""
        return JobContext(self.lane, self.session)


JOB_CONTEXT: ContextVar[JobContext] = ContextVar("job_context", default=JobContext())  # noqa: B039 - it is frozen
"""The terms of whatever runs in this context."""
