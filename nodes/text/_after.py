"""What follows a place where a sentence may end, as far as it is known."""

from __future__ import annotations

import re

AHEAD = 16
"""Lookahead after a stop in characters: spaces, or letters of the next word."""
_LETTERS = re.compile(r"[^\W\d_]+")


class After:
    """The text after a candidate."""

    __slots__ = ("ended", "gap", "next", "text")

    def __init__(self, text: str, ended: bool) -> None:
        self.text = text
        self.ended = ended
        self.gap = len(text) - len(text.lstrip())
        """Number of spaces and newlines."""
        self.next = text[self.gap : self.gap + 1]
        """The first character of the next word."""

    def is_initial(self) -> bool:
        """Whether the next word is a single letter with a full stop."""
        return self.text[self.gap + 1 : self.gap + 2] == "."

    def word(self) -> str | None:
        """The next word in lower case; None if it may still grow."""
        rest = self.text[self.gap : self.gap + AHEAD]
        word = _LETTERS.match(rest)
        length = word.end() if word else 0
        return rest[:length].lower() if length < len(rest) or len(rest) == AHEAD or self.ended else None
