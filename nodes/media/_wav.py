"""A WAV file that is written piece by piece."""

from __future__ import annotations

import struct
import threading
from collections import deque
from pathlib import Path

from nodes.media.files import private, writing
from nodes.packets import Samples

HEADER = 44
WAITING = 30_000
"""Pieces that may wait while the disk is full, ten minutes of 20 ms; beyond that the oldest are lost."""
EMPTY_RATE = 16_000
"""Hz in the header of a file without any audio."""


class WavFile:
    """Mono int16 on a timeline: each piece is put at its sample, and gaps are silence.

    `put` keeps a piece in memory. `save` writes and blocks, so call it in a thread; after
    each `save` the file is complete, so that it can be played even if the process is killed.
    """

    def __init__(self, path: Path) -> None:
        self.rate = 0
        """Hz; set it before the first `put`."""
        self._path = path
        self._pieces: deque[tuple[int, Samples]] = deque(maxlen=WAITING)
        self._length = 0
        # A cancelled save may still run in its thread when the file is closed.
        self._lock = threading.Lock()
        with writing(path):
            self._file = open(path, "wb", opener=private)  # noqa: SIM115 - close() closes it

    @property
    def waiting(self) -> int:
        """Pieces that are not in the file yet."""
        return len(self._pieces)

    def put(self, index: int, samples: Samples) -> None:
        """Adds a piece that begins at sample `index` of the timeline."""
        if samples.size:
            self._pieces.append((index, samples))

    def save(self) -> None:
        """Writes the pieces in memory; raises ResourceError if the disk does not take them."""
        with self._lock, writing(self._path):
            while self._pieces:
                index, samples = self._pieces[0]
                # A gap reads as zeros, and takes no space on most file systems.
                self._file.seek(HEADER + 2 * index)
                self._file.write(samples.astype("<i2", copy=False).tobytes())
                self._length = max(self._length, index + samples.size)
                self._pieces.popleft()
            self._file.seek(0)
            self._file.write(_header(self.rate or EMPTY_RATE, self._length))
            self._file.flush()

    def close(self) -> None:
        """Saves, and closes the file."""
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
