"""Statistics of the scheduler and of a pool: records for metrics, health and admission."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.compute.job_context import Lane


@dataclass(frozen=True, slots=True)
class SchedulerStatistics:
    """The state of a scheduler at one moment, and its totals so far; times in nanoseconds."""

    slots: int
    """As many as cores."""
    taken: int
    """Slots that running jobs take."""
    running: int
    """Jobs that have started and not ended; tasks take no slot."""
    queued: dict[Lane, int]
    """Jobs that wait for cores; those that wait for an instance are in the statistics of its pool."""
    delayed: int
    """Jobs that are not due yet."""
    oldest: int
    """The longest time that a queued job has waited for cores."""
    utilisation: float
    """The share of the slots that was taken in the last ten seconds or so: 0 to 1."""
    started: dict[Lane, int]
    """Jobs that have started, by lane."""
    waited: dict[Lane, int]
    """The time for which these waited for cores, in total."""
    done: int
    """Jobs that ended, with a result or an error."""
    dropped: int
    """Jobs that waited until their deadline, or for too long for an instance."""
    cancelled: int
    """Jobs that were cancelled before they could start."""


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The state of a pool at one moment, and its totals so far; times in nanoseconds."""

    size: int
    """Instances now."""
    max_size: int
    """Instances at most."""
    active: int
    """Instances in use."""
    peak: int
    """The most that were in use at a time."""
    waiting: int
    """Callers that wait, for an instance or for cores."""
    requests: int
    joined: int
    """Callers whose work was done in the job of another one."""
    exhausted: int
    """Callers for which no instance became free in time."""
    waited: int
    """The time for which callers waited for an instance, in total."""
    longest: int
    """The longest such wait."""
    made: int
    replaced: int
    """Instances that broke."""
    failed: int
    """Instances that could not be made."""
