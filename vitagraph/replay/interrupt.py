"""Handles Ctrl-C: ends a run, keeps its results, and exits in time even if something hangs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vitagraph import exits

GIVE_UP = 1.0
"""Seconds from the first Ctrl-C until the process exits forcibly."""


@contextmanager
def interruptible(stop: Callable[[], None], conclude: Callable[[], object]) -> Iterator[None]:
    """In the body, the first Ctrl-C calls `stop`; the second raises KeyboardInterrupt.

    If the body has not ended within `GIVE_UP` seconds after the first, `conclude` is called from
    another thread and the process exits. It also exits if only threads are left running, because
    a model cannot be stopped while it computes.
    """

    concluded = threading.Event()

    def leave() -> None:
        if not concluded.is_set():
            conclude()
        os._exit(exits.INTERRUPTED)

    timer = threading.Timer(GIVE_UP, leave)
    timer.daemon = True

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        timer.start()
        stop()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        concluded.set()
