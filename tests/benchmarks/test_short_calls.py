"""Short calls of all kinds leave nothing behind: a small run of the program that makes thousands."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import short_calls
from benchmarks._short_calls_callers import KINDS


@pytest.mark.timeout(180)
def test_short_calls_leave_nothing_behind() -> None:
    left = asyncio.run(short_calls.measure(calls=3 * len(KINDS), warm_up=3 * len(KINDS), at_once=3))
    assert left.failed == {}
    assert left.leaks() == {}
    assert left.after["memory"] < 1.05 * left.before["memory"]
