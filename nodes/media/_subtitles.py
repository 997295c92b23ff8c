"""The base class of the sinks that write subtitles: whole transcripts, each word once."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, TextIO

from nodes.media._cues import Cue, cues
from nodes.media.claims import ClaimedPath
from nodes.media.files import open_private, writing
from nodes.packets import Transcript
from pipeline.node import Sink
from pipeline.packet import MILLISECOND
from pipeline.params import Params
from pipeline.port import Input

REMEMBERED = 16
"""Transcripts that a later one may replace."""


class SubtitlesParams(Params):
    """Where to."""

    path: str
    """The file, with `${call}` for the name of the session; what it held before is replaced."""


class Subtitles(Sink[SubtitlesParams]):
    """Base class of sinks for subtitles; subclasses say how one is written."""

    suffix: ClassVar[str] = ""
    head: ClassVar[str] = ""
    """The beginning of the file."""
    text = Input(Transcript, gated=True)

    claimed: ClaimedPath | None = None
    """The path of the file."""
    file: TextIO | None = None
    """The open file."""

    async def open(self) -> None:
        """Opens the file; raises a NodeError if it cannot be written."""
        self.written: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)
        """Of each transcript its start in ns, the position in the file, and the number of subtitles before it."""
        self.count = 0
        self.claimed = await asyncio.to_thread(ClaimedPath, self.params.path, self.context.session)
        self.file = await asyncio.to_thread(open_private, str(self.claimed.path), f"transcript{self.suffix}")
        await asyncio.to_thread(self._write, -1, [self.head])

    async def close(self) -> None:
        """Closes the file."""
        await asyncio.to_thread(self._close)

    @text.each
    async def write(self, heard: Transcript) -> None:
        """Writes the subtitles of a whole transcript, in place of those of an earlier one that it contains."""
        if not heard.whole or not (made := cues(heard)):
            return
        position = -1
        while self.written and self.written[-1][0] >= heard.at.pts:
            _, position, self.count = self.written.pop()
        texts = [self.subtitle(number, cue) for number, cue in enumerate(made, self.count + 1)]
        start = await asyncio.to_thread(self._write, position, texts)
        self.written.append((heard.at.pts, start, self.count))
        self.count += len(made)

    def subtitle(self, number: int, cue: Cue) -> str:
        """A subtitle as it stands in the file; they are numbered from 1."""
        raise NotImplementedError

    def _write(self, position: int, texts: Iterable[str]) -> int:
        """Writes at a position, or at the end if it is negative or this is a pipe or device; returns where it began."""
        file = self.file
        assert file is not None, "write comes after open"
        with writing(Path(self.params.path)):
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            if position >= 0 and is_file:
                file.seek(position)
                file.truncate()
            start = file.tell() if is_file else 0
            file.writelines(texts)
            file.flush()
        return start

    def _close(self) -> None:
        try:
            if self.file is not None:
                with writing(Path(self.params.path)):
                    self.file.close()
        finally:
            if self.claimed is not None:
                self.claimed.release()


def clock(nanoseconds: int, point: str) -> str:
    """A time as `00:01:02.345`, with this decimal point."""
    milliseconds = max(0, round(nanoseconds / MILLISECOND))
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
