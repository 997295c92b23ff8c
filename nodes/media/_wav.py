"""A WAV file that is written as time goes by."""

from __future__ import annotations

import struct
import threading
from collections import deque
from pathlib import Path

from nodes.media.files import writing
from nodes.packets import Samples

HEADER = 44
WAITING = 30_000
"""Pieces that a full disk may keep waiting before the oldest are lost: ten minutes of 20 ms."""
EMPTY_RATE = 16_000
"""Hz that the header of a file names in which nothing was ever played."""


class WavFile:
    """Mono int16 on a timeline: each piece is put at its sample, the rest is silence.

    `put` only remembers; `save` writes and blocks, so call it in a thread. After each
    `save` the file is whole, so that whatever becomes of the process it can be played.
    """

    def __init__(self, path: Path) -> None:
        self.rate = 0
        """Hz; whoever puts the first piece sets it."""
        self._path = path
        self._pieces: deque[tuple[int, Samples]] = deque(maxlen=WAITING)
        self._length = 0
        # A save that was cancelled may still be at work in its thread when the file is closed.
        self._lock = threading.Lock()
        with writing(path):
            self._file = path.open("wb")

    @property
    def waiting(self) -> int:
        """Pieces that are not in the file yet."""
        return len(self._pieces)

    def put(self, index: int, samples: Samples) -> None:
        """A piece that begins at sample `index` of the timeline."""
        if samples.size:
            self._pieces.append((index, samples))

    def save(self) -> None:
        """Writes what was put since the last time."""
        with self._lock, writing(self._path):
            while self._pieces:
                index, samples = self._pieces[0]
                # What is skipped reads as zeros, and takes no space on most file systems.
                self._file.seek(HEADER + 2 * index)
                self._file.write(samples.astype("<i2", copy=False).tobytes())
                self._length = max(self._length, index + samples.size)
                self._pieces.popleft()
            self._file.seek(0)
            self._file.write(_header(self.rate or EMPTY_RATE, self._length))
            self._file.flush()

    def close(self) -> None:
        """Writes what is left and closes the file."""
        try:
            self.save()
        finally:
            with writing(self._path):
                self._file.close()


def _header(rate: int, samples: int) -> bytes:
    size = 2 * samples
    form = struct.pack("<4sI4s", b"RIFF", HEADER - 8 + size, b"WAVE")
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return form + kind + struct.pack("<4sI", b"data", size)
