"""The face frames that were shown, each with its time."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from nodes.face.arkit import NAMES
from nodes.media.files import private, writing
from nodes.packets import AvatarFrames
from nodes.playback_tracker import PlaybackTracker
from pipeline.packet import SECOND

ROW = np.dtype([("time", "<f8"), ("weights", "<f4", (52,)), ("pose", "<f4", (7,))])
"""One frame in the scratch file; `time` in seconds."""
RECENT = 64
"""Sounds that are remembered, as their frames may come after they have ended."""
WAITING = 1024
"""Batches that may wait for their speech; beyond that the oldest are dropped."""
BLOCK = 4096
"""Rows that are copied at once."""


class FaceTrack:
    """Collects frames, gives them the times at which their speech was played, and writes them to an npz file.

    `save` and `close` block, so call them in a thread; both raise ResourceError if they cannot write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sounds: deque[PlaybackTracker] = deque(maxlen=RECENT)
        self._batches: deque[AvatarFrames] = deque(maxlen=WAITING)
        self._rows: deque[bytes] = deque()
        self._last = -1
        """The time of the last frame that was placed."""
        self._rate = 0
        self._lock = threading.Lock()
        with writing(path):
            path.unlink(missing_ok=True)  # of an earlier run
            self._scratch: IO[bytes] = TemporaryFile(dir=path.parent)  # noqa: SIM115 - close() closes it

    @property
    def waiting(self) -> int:
        """Batches that are placed but not yet in the scratch file."""
        return len(self._rows)

    @property
    def unplaced(self) -> int:
        """Batches whose speech has not been played yet."""
        return len(self._batches)

    def expect(self, tracker: PlaybackTracker) -> None:
        """A speech begins to play; its frames may come before or after."""
        self._sounds.append(tracker)

    def add(self, frames: AvatarFrames) -> None:
        """Places a batch where its speech was played, or keeps it until that is over."""
        self._rate = self._rate or frames.rate
        mine = [tracker for tracker in self._sounds if tracker.at.cause is frames.at.cause]
        for tracker in mine:
            if tracker.over:
                self._place(frames, tracker)
        if frames.at.cause.live and self._needed(frames, mine):
            self._batches.append(frames)

    def settle(self) -> None:
        """A speech is over: places the frames that waited for it."""
        batches = list(self._batches)
        self._batches.clear()
        for frames in batches:
            self.add(frames)

    def _needed(self, frames: AvatarFrames, mine: list[PlaybackTracker]) -> bool:
        """Whether a speech of this batch is being played, or may be later."""
        if not mine:
            return True
        last = mine[-1]
        end = frames.at.pts + len(frames.weights) * SECOND // frames.rate
        return last is self._sounds[-1] and (not last.over or end > last.at.pts + last.duration)

    def _place(self, frames: AvatarFrames, tracker: PlaybackTracker) -> None:
        offsets = np.arange(len(frames.weights), dtype=np.int64) * SECOND // frames.rate
        played, times = tracker.times_of(frames.at.pts - tracker.at.pts + offsets)
        new = times > self._last  # two sentences may share a frame
        if new.any():
            self._last = int(times[new][-1])
            self._rows.append(_rows(times[new], frames.weights[played][new], frames.pose[played][new]))

    def save(self) -> None:
        """Moves placed frames to the scratch file."""
        with self._lock, writing(self._path):
            while self._rows:
                self._scratch.write(self._rows.popleft())

    def close(self) -> None:
        """Writes the npz file, if there was any frame."""
        try:
            self.save()
            if self._scratch.tell():
                with writing(self._path):
                    _write_npz(self._path, self._scratch, self._rate)
        finally:
            with writing(self._path):
                self._scratch.close()


def _rows(times: NDArray[np.int64], weights: NDArray[np.float32], pose: NDArray[np.float32]) -> bytes:
    rows = np.empty(len(times), ROW)
    rows["time"], rows["weights"], rows["pose"] = times / SECOND, weights, pose
    return rows.tobytes()


def _write_npz(path: Path, scratch: IO[bytes], rate: int) -> None:
    """Column by column and block by block, as an hour of frames may not fit into memory; all of it or nothing."""
    try:
        with open(path, "wb", opener=private) as file:
            _write_columns(file, scratch, rate)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _write_columns(file: IO[bytes], scratch: IO[bytes], rate: int) -> None:
    count = scratch.tell() // ROW.itemsize
    with ZipFile(file, "w") as archive:
        for name in ("time", "weights", "pose"):
            kind = ROW[name]
            shape = {"descr": kind.base.str, "fortran_order": False, "shape": (count, *kind.shape)}
            # A ZipInfo made here has no time of day in it: the same run gives the same file.
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as column:
                np.lib.format.write_array_header_1_0(column, shape)
                scratch.seek(0)
                while block := scratch.read(BLOCK * ROW.itemsize):
                    column.write(np.frombuffer(block, ROW)[name].tobytes())
        for name, value in (("rate", np.array(rate)), ("names", np.array(NAMES))):
            with archive.open(ZipInfo(f"{name}.npy"), "w") as column:
                np.lib.format.write_array(column, value)
