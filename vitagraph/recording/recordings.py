"""All recordings of a host: one thread writes them, so that no call waits for the disk."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from nodes.media.files import writing
from pipeline.errors import UserInputError
from pipeline.graph.plan import Plan
from pipeline.packet import SECOND
from pipeline.runtime.dispatch import make_dispatcher
from vitagraph.recording.file import Backlog, RecordingFile
from vitagraph.recording.recorder import CallRecorder
from vitagraph.recording.retention import delete_old
from vitagraph.recording.session_info import session_info

log = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two writes: what a kill of the process loses at most, twice over."""
CLEAN_EVERY = 3600.0
"""Seconds between two searches for old recordings."""
STOP_WITHIN = 5.0
"""Seconds after which a disk that hangs is left alone."""


class Recordings:
    """Records calls into a folder, and deletes what is older than `keep` seconds.

    Raises UserInputError or ResourceError if the folder cannot be used. `wall` gives nanoseconds since 1970; packets
    are those of `nodes`, or of all.
    """

    def __init__(
        self, folder: Path, keep: float, wall: Callable[[], int] = time.time_ns, nodes: Sequence[str] = ()
    ) -> None:
        self.folder = folder.expanduser()
        self._keep = keep
        self._wall = wall
        self._nodes = nodes
        self._files: list[RecordingFile] = []
        self._files_lock = threading.Lock()
        self._backlog = Backlog()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._save = make_dispatcher({RecordingFile: _save}, _give_up)
        check_folder(self.folder)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    async def stop(self) -> None:
        """Completes the recordings of sessions that have ended, and ends the thread."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, STOP_WITHIN)
        if self._thread.is_alive():
            log.warning("the recordings in %s could not be completed: the disk does not answer", self.folder)

    def attend(self, call: str, graph: str, plan: Plan, instructions: str = "") -> CallRecorder:
        """What records the session of a call that is about to run."""
        day = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._wall() / SECOND))
        path = self.folder / f"{day}-{call}.mcap"
        file = RecordingFile(path, call, partial(session_info, call, graph, instructions, plan), self._backlog)
        with self._files_lock:
            self._files.append(file)
        return CallRecorder(file, self._wall, self._nodes)

    def clean(self) -> None:
        """Deletes old recordings; blocks."""
        try:
            deleted = delete_old(self.folder, self._wall() / SECOND - self._keep)
        except OSError as error:
            log.warning("old recordings cannot be deleted: %s", error)
            return
        if deleted:
            log.info("%d old recordings were deleted", deleted)

    def _run(self) -> None:
        cleaned = -CLEAN_EVERY
        stopping = False
        while not stopping:
            if time.monotonic() - cleaned >= CLEAN_EVERY:
                cleaned = time.monotonic()
                self.clean()
            stopping = self._stopping.wait(INTERVAL)
            with self._files_lock:
                self._files = [file for file in self._files if not file.closed]
                files = tuple(self._files)
            for file in files:
                self._save(file)


def check_folder(folder: Path) -> None:
    """Makes a folder for recordings; raises UserInputError or ResourceError if nothing can be written there."""
    folder = folder.expanduser()
    if folder.exists() and not folder.is_dir():
        raise UserInputError(f"{folder} is not a folder", hint="name a folder for recordings: --record DIR")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        TemporaryFile(dir=folder).close()


def _save(file: RecordingFile) -> tuple[()]:
    file.save()
    return ()


def _give_up(error: Exception, file: RecordingFile) -> None:
    log.error("the recording of call %s failed", file.call, exc_info=error)
    file.abandon()
