"""The pieces of a streamed answer, and what is done with them on their way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from nodes.markers import MarkerFilter
from pipeline.clock import give_way

Pieces = AsyncGenerator[str, None]

MAX_DELTA = 400
"""Characters of a delta: what follows a delta in the same turn of the event loop takes a few milliseconds then."""
MAX_WORD = 200
"""Characters of the longest word that is compared with the words said before."""


_SENTENCE_END = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\b[A-HJ-Z])"
    r"[.!?…。！？｡][\"'”’»)\]*_`」』】）]{0,8}(?=\s|\Z|(?<=[。！？｡」』】）]))"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(slots=True)
class Usage:
    """The tokens of one request, as far as it got."""

    read: int = 0
    """Of the prompt, without those in a cache; 0 if the provider does not say."""
    written: int = 0
    """Of the answer; its pieces where the provider does not say."""


class AnswerCut(Exception):
    """The model was stopped before the end of its answer, usually because it has used `max_tokens`."""


def whole_sentences(text: str) -> int:
    """The length of a text up to the end of its last whole sentence; 0 if it has none."""
    return max((found.end() for found in _SENTENCE_END.finditer(text)), default=0)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, and what follows the last whole one."""
    start = 0
    for found in _SENTENCE_END.finditer(text):
        yield text[start : found.end()].strip()
        start = found.end()
    if rest := text[start:].strip():
        yield rest


async def word_by_word(text: str) -> Pieces:
    """Streams a finished text as a model would: each word with the space before it."""
    for word in re.findall(r"\s*\S+|\s+\Z", text):
        yield word


async def sliced(pieces: Pieces) -> Pieces:
    """The same text in pieces of at most 400 whole characters, between which other tasks of the event loop run."""
    characters = Characters()
    async with aclosing(pieces) as incoming:
        async for part in incoming:
            if piece := characters.join(part):
                yield piece[:MAX_DELTA]
            for start in range(MAX_DELTA, len(piece), MAX_DELTA):
                await give_way()
                yield piece[start : start + MAX_DELTA]


async def cut_off(pieces: Pieces, most: int) -> Pieces:
    """The first `most` characters of an answer; it is stopped there, whether or not it would go on."""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            yield piece[:most]
            most -= len(piece)
            if most <= 0:
                return


async def read_ahead(pieces: Pieces) -> Pieces:
    """Reads the pieces as fast as they come, so that the model is released before all of them were spoken."""
    made: asyncio.Queue[str | None] = asyncio.Queue()  # bounded by the answer, which `max_tokens` bounds

    async def read() -> None:
        try:
            async with aclosing(pieces) as incoming:
                async for piece in incoming:
                    made.put_nowait(piece)
        finally:
            made.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while (piece := await made.get()) is not None:
            yield piece
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def filtered(pieces: Pieces, markers: MarkerFilter) -> Pieces:
    """The pieces without what is not meant for the person."""
    characters = Characters()
    async with aclosing(pieces) as incoming:
        try:
            async for piece in incoming:
                if said := markers.feed(characters.join(piece)):
                    yield said
        except AnswerCut:
            if said := markers.finish():
                yield said
            raise
    if said := markers.finish():
        yield said


async def first_sentence(pieces: Pieces) -> Pieces:
    """The pieces up to the end of a sentence; nothing more is generated then."""
    text = ""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            text += piece
            if end := _SENTENCE_END.search(text[-MAX_WORD:] + " "):
                yield piece[: max(0, len(piece) - (len(text[-MAX_WORD:]) - end.end()))]
                return
            yield piece


class Characters:
    """Makes text of what a stream contains: halves of characters are put together, control characters left out."""

    def __init__(self) -> None:
        self._half = ""

    def join(self, text: str) -> str:
        """The text without control characters and halves, which cannot be encoded.

        A first half at its end is kept for the next text; a half without the other is replaced.
        """
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._half, text = text[-1], text[:-1]
        if not text.isascii() and _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text if text.isprintable() else _CONTROL.sub("", text)


async def without_repetition(said: str, pieces: Pieces) -> Pieces:
    """Streams a text without its beginning, as far as that repeats `said`."""
    known, at, held = said.split(), 0, ""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            if at == len(known):
                yield piece
                continue
            held += piece
            *whole, rest = re.findall(r"\s*\S+|\s+\Z", held) or [""]
            for number, word in enumerate(whole):
                if at < len(known) and _same_word(word, known[at]):
                    at += 1
                    continue
                at = len(known)  # the texts differ from here on
                yield "".join(whole[number:])
                break
            held = rest
            if len(held) > MAX_WORD:
                at = len(known)  # no word is that long, and comparing it anew with each piece would take ever longer
            if at == len(known):
                yield held
    if held and at < len(known) and not _same_word(held, known[at]):
        yield held


def _same_word(word: str, other: str) -> bool:
    return re.sub(r"\W", "", word).lower() == re.sub(r"\W", "", other).lower()
