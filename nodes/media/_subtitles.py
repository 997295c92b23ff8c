"""The base class of the sinks that write subtitles: whole transcripts, each word once."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from nodes.media._cues import Cue, cues
from nodes.media.claims import ClaimedFile
from nodes.media.files import writing
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

    file: ClaimedFile | None = None
    """The open file."""

    async def open(self) -> None:
        """Opens the file; raises a NodeError if it cannot be written."""
        self.written: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)
        """Of each transcript its start in ns, the position in the file, and the number of subtitles before it."""
        self.count = 0
        self.file = await asyncio.to_thread(
            ClaimedFile, self.params.path, self.context.session, f"transcript{self.suffix}"
        )
        await asyncio.to_thread(self._write, -1, [self.head])

    async def close(self) -> None:
        """Closes the file."""
        if self.file is not None:
            await asyncio.to_thread(self.file.close)

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
        text = file.text
        with writing(file.path):
            is_file = stat.S_ISREG(os.fstat(text.fileno()).st_mode)
            if position >= 0 and is_file:
                text.seek(position)
                text.truncate()
            start = text.tell() if is_file else 0
            text.writelines(texts)
            text.flush()
        return start


def clock(nanoseconds: int, point: str) -> str:
    """A time as `00:01:02.345`, with this decimal point."""
    milliseconds = max(0, round(nanoseconds / MILLISECOND))
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
