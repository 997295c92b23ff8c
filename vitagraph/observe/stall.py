"""Names the code that blocks the event loop: a thread looks at the loop's stack while it is late."""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass
from types import FrameType

log = logging.getLogger(__name__)

STACK = 8
"""Frames that a report has."""
HANGS = 5.0
"""Seconds after which a loop that still stands is reported, for it may never go on."""
_LOOP = ("asyncio/base_events.py", "asyncio/events.py", "asyncio/runners.py", "uvloop/__init__.py", "/selectors.py")
"""Where the stack of a loop begins; one that has nothing above is waiting."""
_FOREIGN = tuple(os.path.realpath(sysconfig.get_path(each)) + os.sep for each in ("stdlib", "purelib", "platlib"))


@dataclass(frozen=True, slots=True)
class LoopStall:
    """What the loop did while it was late."""

    where: tuple[str, ...]
    """`function (file:line)`, the innermost first; empty if it was waiting for events."""
    scheduled: bool
    """Whether the loop is to blame: False where it waited, or the process or the whole machine did not run."""


@dataclass(frozen=True, slots=True)
class _Usage:
    """What the loop's thread has used so far, seconds."""

    at: float
    cpu: float
    queued: float
    """For how long it could have run, and no core was free."""


class StallWatchdog:
    """Watches the loop of the thread that makes it, from `start` to `stop`, in a thread that mostly sleeps.

    The loop calls `beat` at least every `period` seconds; if that is `late` by more than so many seconds,
    its stack is taken.
    """

    def __init__(self, period: float, late: float) -> None:
        self._allowed = period + late
        self._late = late
        self._beat = 0.0
        self._stall: LoopStall | None = None
        self._ident = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._ident) if hasattr(time, "pthread_getcpuclockid") else None
        self._queue = _open(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._beat = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Stops watching; safe to call twice."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1

    def beat(self) -> LoopStall | None:
        """The loop goes on; what it did since the last beat, if it was late and was looked at."""
        stall, self._stall = self._stall, None
        self._beat = time.monotonic()
        return stall

    def _watch(self) -> None:
        before, told = self._usage(), 0.0
        while True:
            beat = self._beat
            planned = max(beat + self._allowed, before.at + self._late)
            if self._stopped.wait(max(0.0, planned - time.monotonic())):
                return
            now = self._usage()
            if self._beat == beat and now.at - beat >= self._allowed:
                if self._stall is None:
                    self._stall = self._taken(before, now, now.at - planned)
                elif now.at - beat >= HANGS and told != beat:
                    told = beat
                    log.error("the event loop stands still for over %.0f s: %s", HANGS, described(self._stall))
            before = now

    def _taken(self, before: _Usage, now: _Usage, overslept: float) -> LoopStall:
        """What the loop does; `overslept` says how late this thread was itself."""
        behind = now.at - self._beat
        suspended = overslept > self._late and now.cpu - before.cpu < overslept / 2
        crowded = now.queued - before.queued > behind / 2
        where = _stack(sys._current_frames().get(self._ident))
        return LoopStall(where, bool(where) and not (suspended or crowded))

    def _usage(self) -> _Usage:
        queued = int(os.pread(self._queue, 64, 0).split()[1]) / 1e9 if self._queue >= 0 else 0.0
        return _Usage(time.monotonic(), time.clock_gettime(self._clock) if self._clock is not None else 0.0, queued)


def described(stall: LoopStall) -> str:
    """For the log."""
    return ", called by ".join(stall.where)


def _stack(frame: FrameType | None) -> tuple[str, ...]:
    """The frames of the code that the loop runs; without those of libraries, if it has others."""
    frames: list[FrameType] = []
    while frame is not None and not frame.f_code.co_filename.endswith(_LOOP):
        frames.append(frame)
        frame = frame.f_back
    own = [each for each in frames if not os.path.realpath(each.f_code.co_filename).startswith(_FOREIGN)]
    return tuple(
        f"{each.f_code.co_qualname} ({each.f_code.co_filename}:{each.f_lineno})" for each in (own or frames)[:STACK]
    )


def _open(path: str) -> int:
    """A file descriptor; -1 where there is no such file, as outside Linux."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
