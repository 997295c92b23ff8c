"""Cuts a transcript into subtitles that can be read while they are shown."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from nodes.packets import Transcript
from pipeline.packet import MILLISECOND, SECOND

LINE = 42
"""Columns of a line, as broadcasters have them; a Chinese, Japanese or Korean letter takes two."""
LONGEST = 7 * SECOND
"""Nanoseconds for which a subtitle is shown at most."""
PAUSE = 800 * MILLISECOND
"""Nanoseconds of silence between two words after which a new subtitle begins."""
SHORTEST = 800 * MILLISECOND
"""Nanoseconds for which a subtitle is shown at least, unless the next one begins."""

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNIT = re.compile(rf"(?<!\s)\s*(?:[{_WIDE}][^\w\s]*|[^\s{_WIDE}]+)")
"""A word, or a letter of a script without spaces, with the spaces before it and the marks after it."""
_ENDS = re.compile(r"[.!?…。！？][\"'”’)\]」』]*$")


_COMMAS = (",", ";", ":", "–", "—", "，", "、", "；", "：")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle; times in nanoseconds from the start of the session."""

    start: int
    end: int
    lines: tuple[str, ...]
    """One or two."""


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    """With the spaces before it."""
    start: int
    end: int


def cues(heard: Transcript) -> list[Cue]:
    """The subtitles of a transcript, in order; none without words.

    The times are those of its words where it has them, and otherwise estimated from their lengths.
    """
    groups = list(_groups(list(_timed(heard) or _estimated(heard))))
    made: list[Cue] = []
    for number, group in enumerate(groups):
        start, end = group[0].start, max(piece.end for piece in group)
        until = groups[number + 1][0].start if number + 1 < len(groups) else end + SHORTEST
        end = max(end, min(start + SHORTEST, until))
        text = "".join(piece.text for piece in group).strip()
        made.append(Cue(heard.at.pts + start, heard.at.pts + end, _lines(text)))
    return made


def _timed(heard: Transcript) -> list[_Piece]:
    """The text in the pieces to which its words belong; empty if they are not all in it."""
    found: list[_Piece] = []
    at = 0
    for word in heard.words:
        begin = heard.text.find(word.text, at)
        if begin < 0:
            return []
        end = begin + len(word.text)
        found.append(_Piece(heard.text[at:end], word.start, max(word.start, word.end)))
        at = end
    if found and at < len(heard.text):
        last = found[-1]
        found[-1] = _Piece(last.text + heard.text[at:], last.start, last.end)
    return found


def _estimated(heard: Transcript) -> Iterator[_Piece]:
    units = _UNIT.findall(heard.text)
    total, before = sum(map(len, units)), 0
    for unit in units:
        start, before = before, before + len(unit)
        yield _Piece(unit, start * heard.at.duration // total, before * heard.at.duration // total)


def _groups(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    for piece in pieces:
        if group and (_ENDS.search(group[-1].text) or piece.start - group[-1].end > PAUSE):
            yield from _halved(group)
            group = []
        group.append(piece)
    yield from _halved(group)


def _halved(group: list[_Piece]) -> Iterator[list[_Piece]]:
    """A sentence in as many parts as it needs, halved again and again, so that no single word is left over."""
    text = "".join(piece.text for piece in group).strip()
    if len(group) < 2 or (group[-1].end - group[0].start <= LONGEST and _fits(text)):
        if group:
            yield group
        return
    half, best, before = _width(text) / 2, 1, 0
    worst = math.inf
    for at, piece in enumerate(group[:-1], 1):
        before += _width(piece.text)
        off = abs(before - half) * (1 if piece.text.endswith(_COMMAS) else 3)
        if off < worst:
            best, worst = at, off
    yield from _halved(group[:best])
    yield from _halved(group[best:])


def _fits(text: str) -> bool:
    """Whether a text fits into two lines."""
    return _width(text) <= LINE or all(_width(line) <= LINE for line in _lines(text))


def _lines(text: str) -> tuple[str, ...]:
    """One line, or two that are as equal as possible."""
    if _width(text) <= LINE:
        return (text,)
    units = _UNIT.findall(text)
    halves = [("".join(units[:at]).strip(), "".join(units[at:]).strip()) for at in range(1, len(units))]
    return min(halves, key=lambda half: max(map(_width, half)), default=(text,))


def _width(text: str) -> int:
    """Columns of a text."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
