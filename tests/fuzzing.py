"""Fuzzing: few examples in each run of the tests, many where the environment asks for them.

VITAGRAPH_FUZZ=100 bin/test -k fuzz      a hundred times as many
"""

from __future__ import annotations

import os
import time  # noqa: TID251 - processor time, which no clock of a session knows
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings

from tests.growth import slowness, undisturbed

FACTOR = max(1, int(os.environ.get("VITAGRAPH_FUZZ", "1")))
LOOP_TIME = 0.05
"""Seconds of processor time that the event loop may need for one example."""


def examples(few: int) -> settings:
    """The settings of a test with so many examples in each run."""
    return settings(
        deadline=None,
        max_examples=few * FACTOR,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@contextmanager
def brief(seconds: float = LOOP_TIME) -> Iterator[None]:
    """Fails if this thread needs more processor time for the block; a collection of garbage does not count."""
    with undisturbed():
        before = time.thread_time()
        yield
        spent = time.thread_time() - before
    if spent > seconds:  # the machine may be busy
        spent /= slowness()
    assert spent <= seconds, f"it took {spent * 1000:.0f} ms of processor time"
