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
from pipeline.errors import UserInputError
from pipeline.node import Source
from pipeline.packet import Stamp
from pipeline.params import Params
from pipeline.port import Output

LARGEST = 16_000_000
"""Bytes: ten long novels."""
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
        text = self.params.text or await asyncio.to_thread(_read, self.params.path)
        self.paragraphs = paragraphs(text)

    async def run(self) -> AsyncIterator[TextDelta]:
        """One packet a paragraph; the last has `end` set."""
        last = len(self.paragraphs) - 1
        for number, paragraph in enumerate(self.paragraphs):
            yield TextDelta(Stamp(self.clock.now(), 0, self.causes.root), paragraph, end=number == last)


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
