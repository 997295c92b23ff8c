"""Spoken forms of all other numbers in English: percentages, ordinals, ranges, sizes and plain numbers."""

from __future__ import annotations

import re

from nodes.text import _math
from nodes.text._abbreviations import LABELS
from nodes.text._numbers import NUMBER, QUANTITY, hundreds, one_by_one, ordinal, spoken, year
from nodes.text._rules import DIGIT, PLACE, SpokenForm, rule

_SIZES = {
    "M": "million",
    "B": "billion",
    "T": "trillion",
    "K": "thousand",
    "k": "thousand",
    "bn": "billion",
    "mn": "million",
}
_AS_IT_IS = frozenset("1 2 3 4 5 6 8 10 12 16".split())
"""Numbers before a K that is said as a letter: a 10K run, 4K video."""
_SEP = r"\s?[-–—~]\s?"


def _is_place(found: re.Match[str]) -> bool:
    """Whether `7B` is a door or a seat rather than seven billion."""
    words = re.search(r"(\w{1,12})\.?\s\Z", found.string[max(0, found.start() - 16) : found.start()])
    if words and words[1].lower() in LABELS:
        return True
    return re.match(r"\s[A-Z][a-z]", found.string[found.end() :]) is not None


def _sized(found: re.Match[str]) -> str:
    number, size = found[1], found[2]
    if size == "K" and number in _AS_IT_IS:
        return f"{spoken(number)} K"
    if len(size) == 1 and size.isupper() and "." not in number and _is_place(found):
        return f"{spoken(number)} {size}"
    return f"{spoken(number)} {_SIZES[size]}"


def _ordinal(found: re.Match[str]) -> str:
    return ordinal(int(found[1].replace(",", "")))


def _ordinal_range(found: re.Match[str]) -> str:
    return f"{ordinal(int(found[1]))} to {ordinal(int(found[2]))}"


def _percent(found: re.Match[str]) -> str:
    if found[2]:
        return f"{spoken(found[1])} to {spoken(found[2])} percent"
    return f"{spoken(found[1])} percent"


def _year(found: re.Match[str]) -> str:
    return year(int(found[1]))


def _letters(found: re.Match[str]) -> str:
    """A long number after letters is read digit by digit, a shorter one as a name: A320."""
    digits = found[0]
    if len(digits) == 3 and digits[0] != "0":
        return hundreds(int(digits))
    return one_by_one(digits) if len(digits) > 4 or digits[0] == "0" else spoken(digits)


def _number(found: re.Match[str]) -> str:
    return spoken(found[0])


def _times(found: re.Match[str]) -> str:
    return f"{spoken(found[1])} to {spoken(found[2])} times" if found[2] else f"{spoken(found[1])} times"


def _by(found: re.Match[str]) -> str:
    """1920x1080, but 3 × 4 and 3×10⁸."""
    power = re.match(r"10[\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻]", found.string[found.end() : found.end() + 3])
    reckoned = "=" in found.string[found.end() : found.end() + 16]
    return " times " if power or reckoned or "×" in found[0] else " by "


def _score(found: re.Match[str]) -> str:
    return f"{spoken(found[1])} star"


EARLY: tuple[SpokenForm, ...] = (
    rule(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))|(?<=\d)['’_](?=\d{3}(?!\d))", ",", needs=DIGIT, rewrites=True),
    rule(
        r"(?<![\w.,$€£])(\d{1,3}),(\d{1,2})(?=\s?(?:[€£]|EUR\b|lit(?:er|re)s?\b|km\b|kg\b|million\b|billion\b|percent\b))",
        r"\1.\2",
        needs=f"{DIGIT} ,",
        rewrites=True,
    ),
    rule(r"(?<![\w.])\.(?=\d)", "0.", needs=f"{DIGIT} .", rewrites=True),
    *_math.FRACTIONS,
)
"""Rewrites numbers in the usual notation."""

RULES: tuple[SpokenForm, ...] = (
    *_math.SLASHES,
    rule(r"(?<![\w-])(?<=\d-)\d{1,20}(?=-)", _number, needs=f"{DIGIT} -"),
    rule(r"(?<![\w.])([1-5])\*(?=\s[a-z]|-)", _score, needs=f"{DIGIT} *"),
    rule(rf"(?<![\w.])({QUANTITY})(?:%?{_SEP}({NUMBER}))?\s?%", _percent, needs=f"{DIGIT} %"),
    rule(rf"(?<![\w.])({NUMBER})([MBTKk]|bn|mn)(?![\w-])", _sized, needs=f"{DIGIT} MBTKkbm"),
    rule(rf"(?<![\w.])({NUMBER})(?:{_SEP}({NUMBER}))?[x×](?=[\s,.!?;)/]|\Z)(?!\s?\d)", _times, needs=f"{DIGIT} x×"),
    rule(r"(?<=\d)\s?[x×]\s?(?=\d)", _by, needs=f"{DIGIT} x×"),
    rule(r"(?<=\d)\s?\*\s?(?=\d)", " times ", needs=f"{DIGIT} *"),
    rule(
        rf"(?<![\w.,])(\d{{1,15}})(?:st|nd|rd|th)?{_SEP}(\d{{1,15}})(?:st|nd|rd|th)\b",
        _ordinal_range,
        needs=f"{DIGIT} -–—~",
    ),
    rule(r"(?<![\w.])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)\b", _ordinal, needs=DIGIT),
    rule(r"(?:#|№|\bNo\.?|\bno\.|\bNr\.)\s?(?=\d)", "number ", needs=f"{DIGIT} #№oN"),
    rule(rf"(?<=[{PLACE}])\s?[-–—]\s?(?=[{PLACE}])", " to ", needs="-–—"),
    rule(rf"(?<=[{PLACE}])\s?[x×]\s?(?=[{PLACE}\d])", " by ", needs="x×"),
    rule(r"\bT-(?=\d)", "T minus ", needs="T"),
    *_math.DIFFERENCES,
    rule(r"(?<=\d)\s?~\s?(?=\d)", " to ", needs=f"{DIGIT} ~"),
    rule(r"(?<=\d):(?=\d)", " to ", needs=f"{DIGIT} :"),
    rule(r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])", " ", needs=f"{DIGIT} -"),
    rule(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", _year, needs=DIGIT),
    rule(r"(?<=[A-Za-z])(?<![a-z][a-z])\d{3,20}(?!\d|[.,]\d)", _letters, needs=DIGIT),
    rule(NUMBER, _number, needs=DIGIT),
)
