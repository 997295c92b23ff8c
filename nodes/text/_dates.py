"""Spoken forms of dates and times."""

from __future__ import annotations

import re

from nodes.text._numbers import cardinal, decade, ordinal, year
from nodes.text._rules import DIGIT, SpokenForm, rule

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH = "|".join(MONTHS)
_NEAR = 16
"""Characters before a date in which its article is looked for."""
_HALF = r"(?:\s?(am|pm)\b)?"


def _date(month: int, day: int, in_year: str | None, otherwise: str) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return otherwise
    of_year = f", {year(_full(in_year))}" if in_year else ""
    return f"{MONTHS[month - 1]} {ordinal(day)}{of_year}"


def _full(in_year: str) -> int:
    number = int(in_year)
    return number if len(in_year) > 2 else number + (2000 if number < 70 else 1900)


def _iso(found: re.Match[str]) -> str:
    said = _date(int(found[2]), int(found[3]), found[1], found[0])
    return f"{said} at {found[4]}" if found[4] and said != found[0] else said


def _slashed(found: re.Match[str]) -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (first, second) if first <= 12 else (second, first)  # the American order, if both are possible
    return _date(month, day, found[3], found[0])


def _named(found: re.Match[str]) -> str:
    return _date(MONTHS.index(found[1]) + 1, int(found[2]), found[3], found[0])


def _european(found: re.Match[str]) -> str:
    day = int(found[1])
    if not 1 <= day <= 31:
        return found[0]
    before = found.string[max(0, found.start() - _NEAR) : found.start()]
    article = "" if before.rstrip().lower().endswith("the") else "the "
    of_year = f", {year(int(found[3]))}" if found[3] else ""
    return f"{article}{ordinal(day)} of {found[2]}{of_year}"


def _time(found: re.Match[str]) -> str:
    hour, minute, second = int(found[1]), int(found[2]), found[3]
    half = f" {found[4].upper()}" if found[4] else ""
    if not minute and not second:
        return f"{cardinal(hour)}{half}" if half else "midnight" if hour == 0 else f"{cardinal(hour)} o'clock"
    minutes = cardinal(minute) if minute > 9 else f"oh {cardinal(minute)}" if minute else "zero"
    seconds = f" and {cardinal(int(second))} seconds" if second else ""
    return f"{cardinal(hour)} {minutes}{seconds}{half}"


def _hour(found: re.Match[str]) -> str:
    return f"{cardinal(int(found[1]))} {found[2].upper()}"


RULES: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w/-])(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z?)?(?![\w/-])",
        _iso,
        needs=f"{DIGIT} -/",
    ),
    rule(r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])", _slashed, needs=f"{DIGIT} /"),
    rule(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(\d{{4}}))?(?![\w:%]|[.,:]\d)", _named, needs=DIGIT),
    rule(
        rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})\b(?:,?\s+(\d{{4}})(?![\w:%]|[.,:]\d))?",
        _european,
        needs=DIGIT,
    ),
    rule(
        rf"(?<![\w:.])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\w:]|\.\d){_HALF}",
        _time,
        re.IGNORECASE,
        needs=f"{DIGIT} :",
    ),
    rule(r"(?<![\w:.])([01]?\d|2[0-3]):([0-5]\d)()(am|pm)\b", _time, re.IGNORECASE, needs=f"{DIGIT} :"),
    rule(r"(?<![\w.])(0?[1-9]|1[0-2])\s?(am|pm)\b", _hour, re.IGNORECASE, needs=DIGIT),
    rule(r"(?<![\w.,])(\d{3}0)s\b", lambda found: decade(int(found[1])), needs=DIGIT),
    rule(r"(?:(?<=\bthe )|['’])([2-9]0)s\b", lambda found: decade(int(found[1])), needs=DIGIT),
)
