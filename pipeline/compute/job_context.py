"""The context in which work is computed: how urgent it is, for which session, and for which cause.

A session sets `JOB_CONTEXT` before its nodes run; pools and the scheduler read it, so that
nodes do not have to pass it on.
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
    """How urgent some work is, for which session it is, and what cancels it."""

    lane: Lane = "normal"
    """High goes before normal, normal before low; no lane starves."""
    session: Hashable = ""
    """Within a lane sessions take turns."""
    cause: Cause | None = None
    """When it is revoked, work that has not started never does."""
    deadline: int | None = None
    """Nanoseconds on the event loop's clock after which the work is not started any more."""

    origin: Cause | None = None
    """The cause of the packet that is worked on, for logs and traces; work may outlive it."""

    @property
    def is_live(self) -> bool:
        """Whether the cause, if there is one, has not been revoked."""
        return self.cause is None or self.cause.live


JOB_CONTEXT: ContextVar[JobContext] = ContextVar("job_context", default=JobContext())  # noqa: B039 - it is frozen
"""The job context of the code that runs now."""
