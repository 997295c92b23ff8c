"""The face frames that were really shown, each with its time."""

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
from nodes.media._playout import Playout
from nodes.media.files import writing
from nodes.packets import AvatarFrames
from pipeline.packet import SECOND

ROW = np.dtype([("time", "<f8"), ("weights", "<f4", (52,)), ("pose", "<f4", (7,))])
"""One frame in the scratch file; the time in seconds."""
RECENT = 64
"""Sounds whose frames may still come after they have ended."""
WAITING = 1024
"""Batches that may wait for their speech to be played."""
BLOCK = 4096
"""Rows that are copied at once."""


class FaceTrack:
    """Gathers frames, places them where their speech was played, and makes one npz of them.

    `save` and `close` block, so call them in a thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._playouts: deque[Playout] = deque(maxlen=RECENT)
        self._batches: deque[AvatarFrames] = deque(maxlen=WAITING)
        self._rows: deque[bytes] = deque()
        self._last = -1
        """The time of the last placed frame."""
        self._rate = 0
        self._lock = threading.Lock()
        with writing(path):
            path.unlink(missing_ok=True)  # of an earlier run
            self._scratch: IO[bytes] = TemporaryFile(dir=path.parent)  # noqa: SIM115 - close() closes it

    @property
    def waiting(self) -> int:
        """Batches that are placed but not in the scratch file yet."""
        return len(self._rows)

    @property
    def unplaced(self) -> int:
        """Batches whose speech has not been played yet."""
        return len(self._batches)

    def expect(self, playout: Playout) -> None:
        """A speech begins to play; its frames have come or will come."""
        self._playouts.append(playout)

    def add(self, frames: AvatarFrames) -> None:
        """Places a batch, or keeps it until its speech is over."""
        self._rate = self._rate or frames.rate
        mine = [playout for playout in self._playouts if playout.at.cause is frames.at.cause]
        for playout in mine:
            if playout.over:
                self._place(frames, playout)
        if frames.at.cause.live and self._needed(frames, mine):
            self._batches.append(frames)

    def settle(self) -> None:
        """A speech is over: places the frames that waited for it."""
        batches = list(self._batches)
        self._batches.clear()
        for frames in batches:
            self.add(frames)

    def _needed(self, frames: AvatarFrames, mine: list[Playout]) -> bool:
        """Whether a speech of this batch may still be played, or is being played."""
        if not mine:
            return True
        last = mine[-1]
        end = frames.at.pts + len(frames.weights) * SECOND // frames.rate
        return last is self._playouts[-1] and (not last.over or end > last.at.pts + last.duration)

    def _place(self, frames: AvatarFrames, playout: Playout) -> None:
        positions = frames.at.pts - playout.at.pts + np.arange(len(frames.weights)) * SECOND // frames.rate
        begins, clocks = np.array(playout.runs, dtype=np.int64).T
        run = np.searchsorted(begins, positions, side="right") - 1
        times = clocks[run] + positions - begins[run]
        shown = (positions >= 0) & (positions < playout.position) & (times > self._last)
        if shown.any():
            self._last = int(times[shown][-1])
            self._rows.append(_rows(times[shown], frames.weights[shown], frames.pose[shown]))

    def save(self) -> None:
        """Moves placed frames to the scratch file."""
        with self._lock, writing(self._path):
            while self._rows:
                self._scratch.write(self._rows.popleft())

    def close(self) -> None:
        """Makes the npz, if there was any frame."""
        try:
            self.save()
            if self._scratch.tell():
                with writing(self._path):
                    _write_npz(self._path, self._scratch, self._rate)
        finally:
            self._scratch.close()


def _rows(times: NDArray[np.int64], weights: NDArray[np.float32], pose: NDArray[np.float32]) -> bytes:
    rows = np.empty(len(times), ROW)
    rows["time"], rows["weights"], rows["pose"] = times / SECOND, weights, pose
    return rows.tobytes()


def _write_npz(path: Path, scratch: IO[bytes], rate: int) -> None:
    """A column at a time, a block at a time: an hour of frames need not fit into memory."""
    count = scratch.tell() // ROW.itemsize
    with ZipFile(path, "w") as archive:
        for name in ("time", "weights", "pose"):
            kind = ROW[name]
            shape = {"descr": kind.base.str, "fortran_order": False, "shape": (count, *kind.shape)}
            # A ZipInfo of our own has no time of day in it: the same run gives the same file.
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as column:
                np.lib.format.write_array_header_1_0(column, shape)
                scratch.seek(0)
                while block := scratch.read(BLOCK * ROW.itemsize):
                    column.write(np.frombuffer(block, ROW)[name].tobytes())
        for name, value in (("rate", np.array(rate)), ("names", np.array(NAMES))):
            with archive.open(ZipInfo(f"{name}.npy"), "w") as column:
                np.lib.format.write_array(column, value)
