"""Keeps session records in a file, from a thread of its own."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import VitagraphError
from vitagraph.observe.timeline import QualityPoint
from vitagraph.quality import archive
from vitagraph.quality.record import QualityRecord
from vitagraph.quality.schema import open_for_writing
from vitagraph.quality.trend import points

log = logging.getLogger(__name__)

DAY = 86_400.0
MOST_WAITING = 1_000
"""Records and refusals that may wait to be written; more are dropped."""
BATCH = 100
"""How many are written at once."""
REFRESH = 10.0
"""Seconds between two calculations of the console's points."""
RETRY = 1.0
"""Seconds after which writing is tried again."""
FORGET = 3_600.0
"""Seconds between two deletions of what is too old."""
CLOSE_TIMEOUT = 3.0
"""Seconds that the end of the host waits for the last records."""
MOST_TRENDS = 4
"""Stretches of time whose points are kept up to date."""
MOST_HOURS = 24 * 366

_Item = QualityRecord | tuple[float, str] | None
"""A session, a refusal, or the end."""


@dataclass(slots=True)
class _Due:
    """When something is to be done again, on the monotonic clock."""

    interval: float
    at: float = 0.0

    def now(self) -> bool:
        """Whether it is time; if so, the next time is an interval away."""
        if time.monotonic() < self.at:
            return False
        self.at = time.monotonic() + self.interval
        return True


class Quality:
    """The records of a host's sessions in the file `path`, each for `keep` seconds.

    `start` it, and `close` it at the end. `put`, `refused` and `trend` take microseconds and raise nothing. A
    full or read-only disk is one warning in the log; writing is tried again each second, and what is more than the
    queue holds is lost.
    """

    def __init__(self, path: Path, keep: float = 90 * DAY, *, wall: Callable[[], float] = time.time) -> None:
        self._path, self._keep, self._wall = path, keep, wall
        self._queue: queue.Queue[_Item] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="quality", daemon=True)
        self._ending = threading.Event()
        self._points: dict[int, list[QualityPoint]] = {}
        self._failing = False
        self._connection: sqlite3.Connection | None = None
        self._batch: list[_Item] = []
        """What is to be written next."""
        self._forget, self._refresh = _Due(FORGET), _Due(REFRESH)

    def start(self) -> None:
        """Opens the file in the thread."""
        self._thread.start()

    def put(self, record: QualityRecord) -> None:
        """Keeps a session."""
        self._give(record)

    def refused(self, reason: str) -> None:
        """Counts an offer of a call that was refused; the reason is one of a fixed list."""
        self._give((self._wall(), reason))

    def trend(self, hours: int) -> list[QualityPoint]:
        """The quality of the last hours, the oldest first; about 50 points.

        They are calculated in the thread, every 10 s at most: a new number of hours gives an empty list at first.
        """
        hours = max(1, min(MOST_HOURS, hours))
        if hours not in self._points and len(self._points) < MOST_TRENDS:
            self._points[hours] = []
            self._refresh.at = 0.0
        return self._points.get(hours, [])

    def close(self) -> None:
        """Writes what is left; blocks for up to 3 s."""
        self._ending.set()
        with suppress(queue.Full):  # then the thread looks at `_ending` after its batch
            self._queue.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT)

    def _give(self, item: QualityRecord | tuple[float, str]) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._fail("more calls ended than can be written")

    # --- in the thread

    def _run(self) -> None:
        able = True
        while not (self._ending.is_set() and (not able or self._queue.empty())):
            self._collect(wait=not able)
            able = self._try()
        self._close()

    def _collect(self, *, wait: bool) -> None:
        """Adds what has come to the batch; waits up to a second if there is nothing, or after a failure."""
        if wait:
            self._ending.wait(RETRY)
        try:
            if not self._batch:
                self._batch.append(self._queue.get(timeout=RETRY))
            while len(self._batch) < BATCH:
                self._batch.append(self._queue.get_nowait())
        except queue.Empty:
            return

    def _try(self) -> bool:
        """Does what is to be done; returns whether it was possible."""
        try:
            self._work()
        except (OSError, sqlite3.Error, VitagraphError) as error:
            if not isinstance(error, OSError | sqlite3.OperationalError | VitagraphError):
                self._batch.clear()  # it lies in the records, and not in the disk
            self._fail(str(error))
            self._close()
            return False
        return True

    def _work(self) -> None:
        if self._connection is None:
            self._connection = open_for_writing(self._path)
        if self._batch:
            self._write(self._connection, self._batch)
            self._batch.clear()
        if self._forget.now():
            archive.forget(self._connection, self._wall() - self._keep)
        if self._points and self._refresh.now():
            for hours in tuple(self._points):
                self._points[hours] = points(self._connection, self._wall(), hours)

    def _write(self, connection: sqlite3.Connection, items: list[_Item]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        archive.insert(connection, (each for each in items if isinstance(each, QualityRecord)))
        for each in items:
            if isinstance(each, tuple):
                archive.count_refusal(connection, *each)
        connection.execute("COMMIT")
        if self._failing:
            self._failing = False
            log.warning("the quality of sessions is kept again in %s", self._path)

    def _close(self) -> None:
        """Closes the file; what was not committed is undone."""
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error as error:
                self._fail(str(error))
            self._connection = None

    def _fail(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            log.warning("the quality of sessions is not kept in %s: %s; see --quality", self._path, why)
