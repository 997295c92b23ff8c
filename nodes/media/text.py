"""`media.text`: a text or a text file, for graphs that speak what is written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

from pydantic import model_validator

from nodes.media.files import existing
from nodes.packets import TextDelta
from pipeline.clock import give_way
from pipeline.errors import UserInputError
from pipeline.node import Source
from pipeline.packet import Stamp
from pipeline.params import Params
from pipeline.port import Output

LARGEST = 16_000_000
"""Bytes: ten long novels."""
PIECE = 400
"""Characters of a packet: what follows a packet in the same turn of the event loop takes a few milliseconds then."""
_PARAGRAPH = re.compile(r"(?<=\n)[ \t]*\n\s*")


class MediaTextParams(Params):
    """Either `path` or `text`."""

    path: str = ""
    """A text file in UTF-8."""
    text: str = ""
    """The text itself."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.path) == bool(self.text):
            raise ValueError("media.text needs either `path` or `text`, and not both")
        return self


class MediaText(Source[MediaTextParams]):
    """Gives a text paragraph by paragraph, as a dialogue would give its answer."""

    text = Output(TextDelta)

    paragraphs: Sequence[str] = ()

    async def open(self) -> None:
        """Reads the file; raises UserInputError if it is not text."""
        self.paragraphs = await asyncio.to_thread(self._paragraphs)

    def _paragraphs(self) -> list[str]:
        text = self.params.text or _read(self.params.path)
        return paragraphs(text.replace("\r\n", "\n"))

    async def run(self) -> AsyncIterator[TextDelta]:
        """One packet a paragraph, or several if it is long; the last has `end` set."""
        pieces = [piece for paragraph in self.paragraphs for piece in _pieces(paragraph)]
        last = len(pieces) - 1
        for number, piece in enumerate(pieces):
            yield TextDelta(Stamp(self.clock.now(), 0, self.causes.root), piece, end=number == last)
            await give_way()


def _pieces(paragraph: str) -> list[str]:
    return [paragraph[start : start + PIECE] for start in range(0, len(paragraph), PIECE)] or [""]


def paragraphs(text: str) -> list[str]:
    """The text, cut after each empty line; joined, the pieces give the text again."""
    cuts = [0, *(match.end() for match in _PARAGRAPH.finditer(text)), len(text)]
    return [text[begin:end] for begin, end in pairwise(cuts) if begin < end] or [""]


def _read(name: str) -> str:
    path = existing(name)
    if path.stat().st_size > LARGEST:
        raise UserInputError(f"{path} has more than {LARGEST // 1_000_000} MB", hint="split it, or give a text file")
    return _decoded(path, path.read_bytes())


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserInputError(
            f"{path} is not UTF-8 text: line {line} has the byte 0x{content[error.start]:02x}",
            hint=f"save it as UTF-8, or convert it: iconv -f {_guess(content)} -t UTF-8 {path.name}",
        ) from error


def _guess(content: bytes) -> str:
    return "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
