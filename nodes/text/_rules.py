"""Rules that replace patterns by their spoken form.

What a rule has said is a single placeholder for all later rules, so that no rule sees the words of an
earlier one; `expand` puts the words in their place. A rule that only rewrites structure, such as `.5` to
`0.5`, leaves text for the later ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Said = str | Callable[[re.Match[str]], str]

DIGIT = "0"
"""In the needs of a rule: any digit, of any script."""
FIRST_PLACE, LAST_PLACE = 0xF0000, 0xFFFFD
"""Code points of placeholders: the first private plane of Unicode, whose characters no voice can read."""
PLACE = f"{chr(FIRST_PLACE)}-{chr(LAST_PLACE)}"
"""The placeholders, for a set of characters in a pattern."""
_PLACES = re.compile(f"[{PLACE}]")


class SpokenForm(NamedTuple):
    """A pattern and its spoken form."""

    pattern: re.Pattern[str]
    said: Said
    needs: tuple[frozenset[str], ...]
    """Sets of characters, of each of which a text must have one to match: most sentences match few rules."""
    rewrites: bool
    """Whether the result is text for later rules rather than words."""


def rule(
    pattern: str, said: Said, flags: re.RegexFlag = re.NOFLAG, *, needs: str = "", rewrites: bool = False
) -> SpokenForm:
    """Makes a rule; `needs` are its sets of characters, separated by spaces.

    A function that returns what it was given has not matched.
    """
    return SpokenForm(re.compile(pattern, flags), said, tuple(map(frozenset, needs.split())), rewrites)


def spoken_by(rules: Iterable[SpokenForm], text: str) -> str:
    """The text after all rules, with their words in it."""
    words: list[str] = []
    return expand(apply(rules, cleared(text), words), words)


def cleared(text: str) -> str:
    """The text without characters that are placeholders."""
    return _PLACES.sub("", text)


def apply(rules: Iterable[SpokenForm], text: str, words: list[str]) -> str:
    """Applies rules in order; what they say is appended to `words`, and the text has placeholders for it."""
    present = _characters(text)
    for form in rules:
        if any(map(present.isdisjoint, form.needs)):
            continue
        text, count = form.pattern.subn(_replacement(form, words), text)
        if count and form.needs:
            present = _characters(text)
    return text


def _replacement(form: SpokenForm, words: list[str]) -> Said:
    if form.rewrites:
        return form.said

    def replace(found: re.Match[str]) -> str:
        try:
            said = found.expand(form.said) if isinstance(form.said, str) else form.said(found)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return found[0]  # no number or date after all: a later rule reads it plainly
        if said == found[0] or FIRST_PLACE + len(words) > LAST_PLACE:
            return said
        words.append(said)
        return chr(FIRST_PLACE + len(words) - 1)

    return replace


def expand(text: str, words: list[str]) -> str:
    """The text with the words in place of the placeholders, apart from letters and digits beside them."""

    def put(found: re.Match[str]) -> str:
        said = words[ord(found[0]) - FIRST_PLACE]
        before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        if said[:1] >= "\u2e80":
            return said
        return f"{' ' if _joins(before) else ''}{said}{' ' if _joins(after) and not _PLACES.match(after) else ''}"

    return _PLACES.sub(put, text)


def _joins(beside: str) -> bool:
    """Whether a space is needed; words of Chinese have none between them."""
    return (
        bool(beside) and not "\u2e80" <= beside <= "\u9fff" and (beside.isalnum() or _PLACES.match(beside) is not None)
    )


def _characters(text: str) -> set[str]:
    present = set(text)
    if any(map(str.isdecimal, present)):
        present.add(DIGIT)
    return present
