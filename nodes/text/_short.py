"""Spoken forms of abbreviations."""

from __future__ import annotations

import re

from nodes.text._abbreviations import INNER, MONTHS, NUMBERED, OUTER, TITLES
from nodes.text._rules import DIGIT, SpokenForm, rule

_MORE = {
    "w/o": "without",
    "w/": "with ",
    "a/c": "air conditioning",
    "n/a": "not applicable",
    "24/7": "twenty-four seven",
    "and/or": "and or",
}
_ONLY_CLOSING = re.compile(r"[\"'”’)\]]*\Z")


def _any(*tables: dict[str, str]) -> str:
    names = sorted((name for table in tables for name in table), key=len, reverse=True)
    return "|".join(map(re.escape, names))


def _title(found: re.Match[str]) -> str:
    return TITLES[found[1]]


def _month(found: re.Match[str]) -> str:
    return MONTHS[found[1]]


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
    rule(rf"\b({_any(TITLES)})\.(?=\s+\w|$)", _title, needs="."),
    rule(r"\bSt\.(\s+(?=[A-Z]))?", _saint, needs="."),
    rule(rf"\b({_any(MONTHS)})\b\.?(?=\s+\d)", _month, needs=DIGIT),
    rule(rf"(?<=\d\s)({_any(MONTHS)})\b\.?", _month, needs=DIGIT),
    rule(rf"\b({_any(NUMBERED)})\.\s?(?=\d)", _numbered, re.IGNORECASE, needs=f". {DIGIT}"),
    rule(rf"(?<![\w.])({_any(INNER, OUTER)})\.", _word, re.IGNORECASE, needs="."),
    rule(r"(?<![\w.])(?:[A-Za-z]\.){2,}", _initials, needs="."),
    rule(r"\b([A-HJ-Z])\.(?=\s+[A-Z])", r"\1", needs="."),
)
