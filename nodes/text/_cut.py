"""Where a sentence ends, in a text that is still growing.

`cut` decides by what stands before a stop and by a few characters after it. Where those
have not come yet it waits, so that a text gives the same sentences however it was cut
into pieces on its way here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodes.text._abbreviations import INNER, MONTHS, NUMBERED, OUTER, STARTERS, TITLES

AHEAD = 16
"""Characters after a stop that may be looked at: as many spaces, or letters of the next word."""

_CANDIDATE = re.compile(
    r"""(?P<stop>[.!?…]{1,8}|[。！？｡]{1,8})["'”’»)\]*_~`」』】）]{0,8}"""
    r"""|(?P<line>\n)"""
    r"""|(?P<clause>[,;:]|\s[-–—](?=\s)|[—，；：])"""
)
_BLOCK = re.compile(r"\s*(?:#{1,6}\s|[-*+•]\s|\d{1,3}[.)]\s|>|\|)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LAST_WORD = re.compile(r"[^\s([{\"'“‘«*_~`]*$")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[぀-ヿ一-鿿가-힯]{2}|[^\W぀-ヿ一-鿿가-힯]+")
_PLACES = tuple(
    map(re.compile, (r"[;:,—，；、](?:\s|(?<=[，；、]))|\s[-–—]\s", r"\s(?=(?:and|or|but|so|because)\s)", r"\s"))
)
"""Where a sentence that is too long is cut, the best places first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the pieces may be."""

    longest: int
    """Characters after which a piece is cut off at the best place before."""
    clause: int = 0
    """Words after which a comma or dash is enough; 0: never."""


def cut(text: str, limits: Limits, *, ended: bool) -> int:
    """The length of the first sentence; 0 where it has not ended yet.

    `text` begins with the sentence; `ended` says that no more will come.
    """
    for found in _CANDIDATE.finditer(text):
        if found.start() >= limits.longest:
            break
        verdict = _judge(text, found, limits, ended)
        if verdict is None:
            return len(text) if ended else 0
        if verdict:
            return found.end()
    if len(text) > limits.longest + AHEAD:
        return _best_place(text[: limits.longest])
    return len(text) if ended else 0


def _judge(text: str, found: re.Match[str], limits: Limits, ended: bool) -> bool | None:
    """Whether it ends here; None where that cannot be told yet."""
    after = _After(text[found.end() :], ended)
    if found["clause"]:
        return _clause_ends(text, found, after, limits.clause) if limits.clause else False
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
    return _stop_ends(text, found, after) if found["stop"] else _line_ends(text[: found.start()], after)


class _After:
    """What follows a candidate."""

    __slots__ = ("ended", "gap", "next", "text")

    def __init__(self, text: str, ended: bool) -> None:
        self.text = text
        self.ended = ended
        self.gap = len(text) - len(text.lstrip())
        """Spaces and newlines."""
        self.next = text[self.gap : self.gap + 1]
        """The first character of the next word."""

    def word(self) -> str | None:
        """The next word in small letters; None where more of it may come."""
        rest = self.text[self.gap : self.gap + AHEAD]
        word = _LETTERS.match(rest)
        length = word.end() if word else 0
        return rest[:length].lower() if length < len(rest) or len(rest) == AHEAD or self.ended else None


def _line_ends(before: str, after: _After) -> bool:
    """A newline ends a sentence, unless the text runs on in small letters as wrapped text does."""
    if "\n" in after.text[: after.gap]:
        return True
    return bool(_BLOCK.match(before.rpartition("\n")[2])) or not after.next.islower()


def _stop_ends(text: str, found: re.Match[str], after: _After) -> bool | None:
    stop = found["stop"]
    if stop == ".":
        return _full_stop_ends(text[: found.start()], after)
    if stop.strip(".…"):
        closed = found.end() - found.start() > len(stop)
        return not (closed and after.next.islower())  # "Really?" she said.
    return not after.next.islower()


def _full_stop_ends(before: str, after: _After) -> bool | None:
    last = _LAST_WORD.search(before)
    word = last[0] if last else ""
    small = word.lower()
    if word in TITLES or small in INNER:
        return False
    if small in NUMBERED or word in MONTHS:
        return not after.next.isdigit()
    if re.search(r"(?:^|\n)\s*\d{1,2}$", before):
        return False  # The number of a list's item.
    if word != "I" and (small in OUTER or small == "st" or _INITIALS.fullmatch(word)):
        following = after.word()
        return None if following is None else after.next.isupper() and following in STARTERS
    return len(word) > 4 or not after.next.islower()


def _clause_ends(text: str, found: re.Match[str], after: _After, words: int) -> bool | None:
    if not after.text:
        return None
    if not after.gap and found["clause"] not in "—，；：":
        return False
    if sum(1 for _ in _WORDS.finditer(text, 0, found.start())) < words:
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
