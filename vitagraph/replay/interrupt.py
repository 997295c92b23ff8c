"""Ctrl-C: ends what runs and keeps its results, and leaves in time whatever hangs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vitagraph import exits

GIVE_UP = 1.0
"""Seconds after the first Ctrl-C for things to end by themselves."""


@contextmanager
def interruptible(stop: Callable[[], None], conclude: Callable[[], object]) -> Iterator[None]:
    """While inside, the first Ctrl-C calls `stop`; the second raises KeyboardInterrupt as usual.

    If the body has not ended in time after the first, `conclude` is called from a thread of
    its own. The process then leaves, as it does if the body has ended but its threads have
    not: a model at work cannot be made to stop.
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
