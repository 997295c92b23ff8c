"""Rules that replace patterns by their spoken form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Said = str | Callable[[re.Match[str]], str]

DIGIT = "0"
"""In the needs of a rule: any digit, of any script."""


class SpokenForm(NamedTuple):
    """A pattern and its spoken form."""

    pattern: re.Pattern[str]
    said: Said
    needs: tuple[frozenset[str], ...]
    """Sets of characters, of each of which a text must have one to match: most sentences match few rules."""


def rule(pattern: str, said: Said, flags: re.RegexFlag = re.NOFLAG, *, needs: str = "") -> SpokenForm:
    """Makes a rule; `needs` are its sets of characters, separated by spaces."""
    return SpokenForm(re.compile(pattern, flags), said, tuple(map(frozenset, needs.split())))


def apply(rules: Iterable[SpokenForm], text: str) -> str:
    """Applies rules to a text, in order."""
    present = _characters(text)
    for pattern, said, needs in rules:
        if any(map(present.isdisjoint, needs)):
            continue
        text, count = pattern.subn(said, text)
        if count and needs:
            present = _characters(text)
    return text


def _characters(text: str) -> set[str]:
    present = set(text)
    if any(map(str.isdecimal, present)):
        present.add(DIGIT)
    return present
