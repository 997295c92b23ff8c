"""How long the event loop is held by one of its tasks."""
# ruff: noqa: TID251 - processor time is the subject

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from pipeline.clock import give_way
from tests.growth import slowness, undisturbed

T = TypeVar("T")

LONGEST = 0.05
"""Seconds of processor time for which one step of a task may hold the event loop."""


async def watched(work: Awaitable[T]) -> tuple[T | Exception, float]:
    """What some work returns or raises, and the seconds of processor time of its longest step, undisturbed."""
    task = asyncio.ensure_future(work)
    longest = 0.0
    with undisturbed():
        while not task.done():
            began = time.thread_time()
            await give_way()
            longest = max(longest, time.thread_time() - began)
    if longest > LONGEST:  # the machine may be busy
        longest /= slowness()
    error = task.exception()
    if error is None:
        return task.result(), longest
    if not isinstance(error, Exception):
        raise error
    return error, longest
