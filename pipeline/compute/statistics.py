"""What is told of the scheduler and of a pool: records for metrics, health and admission."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.compute.job_context import Lane


@dataclass(frozen=True, slots=True)
class SchedulerStatistics:
    """What a scheduler does at one moment, and has done so far; times in nanoseconds."""

    slots: int
    """As many as cores."""
    taken: int
    """Slots that running jobs take."""
    running: int
    queued: dict[Lane, int]
    delayed: int
    """Jobs that are not due yet."""
    oldest: int
    """How long that job has been queued that has been so longest."""
    utilisation: float
    """The part of the slots that was taken in the last ten seconds or so: 0 to 1."""
    started: int
    waited: int
    """How long all that have started were queued, together."""
    done: int
    """Jobs that ended, well or with an error."""
    dropped: int
    """Jobs whose deadline passed before they could start."""
    cancelled: int
    """Jobs that were called off before they could start."""


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What a pool does at one moment, and has done so far; times in nanoseconds."""

    members: int
    most: int
    """As many as there may be."""
    active: int
    """Members that are lent."""
    peak: int
    """The most that were lent at a time."""
    waiting: int
    requests: int
    joined: int
    """Callers whose work was done in another's job."""
    exhausted: int
    """Callers for whom no member became free in time."""
    waited: int
    """How long all callers waited for a member, together."""
    longest: int
    """How long one of them waited at most."""
    made: int
    replaced: int
    """Members that broke."""
    failed: int
    """Members that could not be made."""
