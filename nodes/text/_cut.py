"""Finds the end of a sentence in a growing text.

`cut` decides from the text before a stop and a few characters after it. If those have not
arrived yet it waits, so that the sentences do not depend on how the text was streamed.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from nodes.text._after import AHEAD, After
from nodes.text._stops import continues_line, full_stop_ends

_NEAR = 64
"""Characters of a word, and after a candidate, that can matter."""

_CANDIDATE = re.compile(
    r"""(?P<stop>[.!?…]{1,8}|[。！？｡]{1,8})["'”’»)\]*_~`」』】）]{0,8}"""
    r"""|(?P<line>\n|\\n(?![a-z]))"""
    r"""|(?P<clause>[,;:]|\s[-–—](?=\s)|[—，；：])"""
)
_BLOCK = re.compile(r"\s*(?:#{1,6}\s|[-*+•]\s|\d{1,3}[.)]\s|>|\|)")
_WORDS = re.compile(r"[぀-ヿ一-鿿가-힯]{2}|[^\W぀-ヿ一-鿿가-힯]+")
_PLACES = tuple(
    map(re.compile, (r"[;:,—，；、](?:\s|(?<=[，；、]))|\s[-–—]\s", r"\s(?=(?:and|or|but|so|because)\s)", r"\s"))
)
"""Places to cut an overlong sentence, best first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the length of pieces."""

    longest: int
    """Maximum characters; a longer piece is cut at the best place before."""
    clause: int = 0
    """Words after which a comma or dash ends a piece; 0 for never."""


def cut(text: str, limits: Limits, *, ended: bool, language: str = "en") -> int:
    """The length of the first sentence in `text`; 0 if it has not ended yet.

    `ended` means that no more text will follow. `language`, a BCP 47 tag, says which abbreviations there are.
    """
    clause = _start_of_word(text[: limits.longest], limits.clause)
    for found in _CANDIDATE.finditer(text, 0, limits.longest + _NEAR):
        if found.start() >= limits.longest:
            break
        verdict = _judge(text, found, clause if limits.clause else None, ended, language)
        if verdict is None:
            return len(text) if ended else 0
        if verdict:
            return found.end()
    if len(text) > limits.longest + AHEAD:
        return _best_place(text[: limits.longest])
    return len(text) if ended else 0


def _start_of_word(text: str, number: int) -> int:
    """Where a word begins, counted from 1; the length of the text if it has fewer."""
    starts = (word.start() for word in _WORDS.finditer(text))
    return next(itertools.islice(starts, max(0, number - 1), None), len(text))


def _judge(text: str, found: re.Match[str], clause: int | None, ended: bool, language: str) -> bool | None:
    """Whether the sentence ends here; None if more text is needed to decide.

    `clause` is where the last word begins that the first clause must have; None if clauses end nothing.
    """
    after = After(text[found.end() : found.end() + _NEAR], ended)
    if found["clause"]:
        return _clause_ends(text, found, after, clause) if clause is not None else False
    if not after.text:
        return None
    if found["stop"] and found["stop"][0] in "。！？｡":
        return True
    if found["stop"] and not after.gap:
        return False
    if after.gap >= AHEAD:
        return True
    if not after.next:
        return None
    if found["stop"]:
        return _stop_ends(text, found, after, language)
    return _line_ends(text[: found.start()], after, language)


def _line_ends(before: str, after: After, language: str) -> bool | None:
    """A newline ends a sentence unless the next line continues it, as wrapped text does."""
    if "\n" in after.text[: after.gap]:
        return True
    if _BLOCK.match(before.rpartition("\n")[2]):
        return True
    if after.next.islower():
        return False
    if not after.next.isupper():
        return True
    continues = continues_line(before, after, language)
    return None if continues is None else not continues


def _stop_ends(text: str, found: re.Match[str], after: After, language: str) -> bool | None:
    stop = found["stop"]
    if stop == ".":
        return full_stop_ends(text[: found.start()], after, language)
    if stop.strip(".…"):
        closed = found.end() - found.start() > len(stop)
        return not (closed and after.next.islower())  # "Really?" she said.
    return not after.next.islower()


def _clause_ends(text: str, found: re.Match[str], after: After, clause: int) -> bool | None:
    if not after.text:
        return None
    if not after.gap and found["clause"] not in "—，；：":
        return False
    if found.start() <= clause:
        return False
    if after.gap >= AHEAD:
        return True
    if not after.next:
        return None
    return not (text[found.start() - 1].isdigit() and after.next.isdigit())  # March 5, 2024


def _best_place(text: str) -> int:
    for place in _PLACES:
        ends = [found.end() for found in place.finditer(text, len(text) // 3)]
        if ends:
            return ends[-1]
    return len(text)
