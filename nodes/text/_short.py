"""Spoken forms of English abbreviations."""

from __future__ import annotations

import re

from nodes.text._abbreviations import INNER, NUMBERED, OUTER, STREETS, TITLES
from nodes.text._numbers import spoken
from nodes.text._rules import DIGIT, PLACE, SpokenForm, rule

_MORE = {
    "w/o": "without",
    "w/": "with ",
    "a/c": "air conditioning",
    "c/o": "care of",
    "b/c": "because",
    "n/a": "not applicable",
    "24/7": "twenty-four seven",
    "and/or": "and or",
}
_ONLY_CLOSING = re.compile(r"[\"'”’)\]]*\Z")
STREET = re.compile(r"\b\d{1,6}[A-Za-z]?\s(?:[NSEW]\.?\s)?(?:[A-Z]\w{1,20}|\d{1,3}(?:st|nd|rd|th))\s\Z")
"""A number and a name before `Dr.`"""


def _any(*tables: dict[str, str]) -> str:
    names = sorted((name for table in tables for name in table), key=len, reverse=True)
    return "|".join(map(re.escape, names))


def _title(found: re.Match[str]) -> str:
    start = found.string[max(0, found.start() - 48) : found.start()]
    if found[1] in STREETS and STREET.search(start):
        return STREETS[found[1]] + _stop(found)
    return TITLES[found[1]] + ("." if found.end() == len(found.string) else "")


def _numbered(found: re.Match[str]) -> str:
    return f"{NUMBERED[found[1].lower()]} "


def _word(found: re.Match[str]) -> str:
    said = INNER.get(found[1].lower()) or OUTER[found[1].lower()]
    return said + _stop(found)


def _initials(found: re.Match[str]) -> str:
    """U.S. becomes US: voices spell capitals out."""
    return found[0].replace(".", "").upper() + _stop(found)


def _stop(found: re.Match[str]) -> str:
    """Keeps the dot of an abbreviation that ends the text."""
    return "." if _ONLY_CLOSING.match(found.string, found.end()) else ""


def _saint(found: re.Match[str]) -> str:
    return "Street" + _stop(found) if found[1] is None else "Saint "


RULES: tuple[SpokenForm, ...] = (
    rule(rf"(?<![\w/])({_any(_MORE)})(?![\d/])", lambda found: _MORE[found[1].lower()], re.IGNORECASE, needs="/"),
    rule(rf"\b({_any(TITLES)})\.(?=\s+[\w(]|$)", _title, needs="."),
    rule(r"\bSt\.(\s+(?=[A-Z]))?", _saint, needs="."),
    rule(r"(?<=\b[Aa]pt\.\s)(\d{1,4})([A-Z])\b", lambda found: f"{spoken(found[1])} {found[2]}", needs=DIGIT),
    rule(rf"(?<![\w.])({_any(NUMBERED)})\.\s?(?=#?(?:\d|[{PLACE}]))", _numbered, re.IGNORECASE, needs="."),
    rule(rf"(?<![\w./])(?<!\d\s)(?<!\d)({_any(INNER, OUTER)})\.", _word, re.IGNORECASE, needs="."),
    rule(r"(?<=\w\s)vs?(?=\s\w)(?!\s\d)", "versus", needs="v"),
    rule(r"\baka\b", "also known as", needs="k"),
    rule(r"(?<![\w.])c\.\s?(?=\d{3,4}\b)", "circa ", needs=f". {DIGIT}"),
    rule(r"(?<![\w.])(?:[A-Za-z]\.){2,}", _initials, needs="."),
    rule(r"\b([A-HJ-Z])\.(?=\s+[A-Z])", r"\1", needs="."),
)
