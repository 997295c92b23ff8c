"""Spoken forms of English dates, days, years and decades."""

from __future__ import annotations

import re

from nodes.text._numbers import cardinal, decade, hundreds, ordinal, pair, year
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
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH = rf"(?:(?:{'|'.join(MONTHS)}|Sept)\b\.?|(?:{'|'.join(month[:3] for month in MONTHS)})\b\.?)"
_DAY = rf"(?:{'|'.join(DAYS)}|Tues|Thurs?|{'|'.join(day[:3] for day in DAYS)})"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_RANGE = r"\s?(?:[-–—~]|\bto\b|\bthrough\b)\s?"
_YEAR = r"(?:,?\s{1,3}(\d{4}))?"
_NO_MORE = r"(?![\w:%]|[.,:/]\d|\s?[ap]m\b)"
_NEAR = 20
"""Characters before a number in which the words are looked for that tell what it is."""
_SECONDS_BEFORE = re.compile(
    r"\b(?:for|in|within|after|every|take|takes|took|taking|wait|waits|waited|last|lasts|lasted|about|only|under|over"
    r"|than|another|at|each|per|exactly|around|nearly|almost)\s\Z",
    re.IGNORECASE,
)
_SECONDS_AFTER = re.compile(
    r"\s(?:timeout|delay|pause|wait|window|interval|clip|video|ad|spot|break|limit|cooldown|countdown|exposure|run|burst"
    r"|sprint|plank|rest|loop|sample|recording|buffer|later|ago|left|remaining|intervals|timer)\b"
)
_DECADE_BEFORE = re.compile(r"\b(?:the|his|her|their|my|your|our|early|mid|late|low|high|upper|lower)[\s-]\Z", re.I)


def month_of(name: str) -> str:
    """The full name of a month that may be abbreviated."""
    return next(month for month in MONTHS if month[:3] == name[:3])


def day_of(name: str) -> str:
    """The full name of a day of the week that may be abbreviated."""
    return next(day for day in DAYS if day[:3] == name[:3])


def before(found: re.Match[str]) -> str:
    """The few characters before a match."""
    return found.string[max(0, found.start() - _NEAR) : found.start()]


def _nth(day: str) -> str:
    return ordinal(int(day.rstrip("stndrh")))


def _is_day(*days: str) -> bool:
    return all(1 <= int(day.rstrip("stndrh")) <= 31 for day in days)


def _date(month: int, day: int, in_year: str | None, otherwise: str) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return otherwise
    return f"{MONTHS[month - 1]} {ordinal(day)}{_of(in_year)}"


def _of(in_year: str | None) -> str:
    return f", {year(_full(in_year))}" if in_year else ""


def _full(in_year: str) -> int:
    number = int(in_year)
    return number if len(in_year) > 2 else number + (2000 if number < 70 else 1900)


def _iso(found: re.Match[str]) -> str:
    said = _date(int(found[2]), int(found[3]), found[1], found[0])
    if not found[4] or said == found[0]:
        return said
    hour, minute = map(int, found[4].split(":"))
    return f"{said} at {cardinal(hour)} {pair(minute) if minute else 'hundred'}"


def _slashed(found: re.Match[str]) -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (first, second) if first <= 12 else (second, first)  # the American order, if both are possible
    return _date(month, day, found[3], found[0])


def _short_slashed(found: re.Match[str]) -> str:
    return _date(int(found[1]), int(found[2]), None, found[0])


def _dotted(found: re.Match[str]) -> str:
    return _date(int(found[2]), int(found[1]), found[3], found[0])


def _named(found: re.Match[str]) -> str:
    if not _is_day(found[2]):
        return found[0]
    return f"{month_of(found[1])} {_nth(found[2])}{_of(found[3])}"


def _named_range(found: re.Match[str]) -> str:
    month, first, other, second, in_year = found.groups()
    if not _is_day(first, second):
        return found[0]
    until = f"{month_of(other)} {_nth(second)}" if other else _nth(second)
    return f"{month_of(month)} {_nth(first)} to {until}{_of(in_year)}"


def _european(found: re.Match[str]) -> str:
    if not _is_day(found[1]):
        return found[0]
    return f"{_article(found)}{_nth(found[1])} of {month_of(found[2])}{_of(found[3])}"


def _european_range(found: re.Match[str]) -> str:
    if not _is_day(found[1], found[2]):
        return found[0]
    return f"{_article(found)}{_nth(found[1])} to the {_nth(found[2])} of {month_of(found[3])}{_of(found[4])}"


def _article(found: re.Match[str]) -> str:
    return "" if before(found).rstrip().lower().endswith("the") else "the "


def _month_range(found: re.Match[str]) -> str:
    return f"{month_of(found[1])} to {month_of(found[2])}"


def _month_year(found: re.Match[str]) -> str:
    return f"{month_of(found[1])} {year(int(found[2]))}"


def _day_range(found: re.Match[str]) -> str:
    return f"{day_of(found[1])} to {day_of(found[2])}"


def _day_alone(found: re.Match[str]) -> str:
    ends = found[0].endswith(".") and found.end() == len(found.string)
    return day_of(found[1]) + ("." if ends else "")


def _year_range(found: re.Match[str]) -> str:
    first, second = found[1], found[2]
    if len(second) == 2:
        grows = int(second) > int(first[2:])
        return f"{year(int(first))} to {pair(int(second))}" if grows else found[0]
    return f"{year(int(first))} to {year(int(second))}" if int(second) > int(first) else found[0]


def _season(found: re.Match[str]) -> str:
    second = found[2]
    follows = int(second[-2:]) == (int(found[1][2:]) + 1) % 100
    return f"{year(int(found[1]))} {pair(int(second[-2:]))}" if follows else found[0]


def _era(found: re.Match[str]) -> str:
    number = int(found[1])
    said = year(number) if number > 999 else hundreds(number)
    return f"{said} {found[2].replace('.', '')}"


def _of_seconds(found: re.Match[str]) -> bool:
    if _DECADE_BEFORE.search(before(found)):
        return False
    follows = _SECONDS_AFTER.match(found.string, found.end())
    return follows is not None or _SECONDS_BEFORE.search(before(found)) is not None


def _decade(found: re.Match[str]) -> str:
    if found[0][0].isdigit() and _of_seconds(found):
        return found[0]
    return decade(int(found[1]))


def _many(found: re.Match[str]) -> str:
    return {10: "tens", 100: "hundreds", 1000: "thousands"}[int(found[1].replace(",", ""))]


RULES: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w/-])(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ](\d\d:\d\d)(?::\d\d(?:\.\d{1,9})?)?Z?)?(?![\w/-])",
        _iso,
        needs=f"{DIGIT} -/",
    ),
    rule(r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])", _slashed, needs=f"{DIGIT} /"),
    rule(
        r"(?:(?<=\bon )|(?<=\bby )|(?<=\bsince )|(?<=\buntil )|(?<=\bdue ))(\d{1,2})/(\d{1,2})(?![\w/]|\.\d|\s?%)",
        _short_slashed,
        needs=f"{DIGIT} /",
    ),
    rule(r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})(?![\w/]|\.\d)", _dotted, needs=f"{DIGIT} ."),
    rule(
        rf"\b({_MONTH})\s{{1,3}}({_ORDINAL}){_RANGE}(?:({_MONTH})\s{{1,3}})?({_ORDINAL}){_YEAR}{_NO_MORE}",
        _named_range,
        needs=DIGIT,
    ),
    rule(rf"\b({_MONTH})\s{{1,3}}({_ORDINAL}){_YEAR}{_NO_MORE}", _named, needs=DIGIT),
    rule(
        rf"(?<![\w.,/:])({_ORDINAL}){_RANGE}({_ORDINAL})\s{{1,3}}(?:of\s)?({_MONTH}){_YEAR}(?![\w:%]|[.,:]\d)",
        _european_range,
        needs=DIGIT,
    ),
    rule(
        rf"(?<![\w.,/:])({_ORDINAL})\s{{1,3}}(?:of\s{{1,3}})?({_MONTH}){_YEAR}(?![\w:%]|[.,:]\d)",
        _european,
        needs=DIGIT,
    ),
    rule(rf"\b({_MONTH})\s?[-–—]\s?({_MONTH})(?!\w)", _month_range, needs="-–—"),
    rule(rf"\b({_MONTH})\s{{1,3}}(1\d{{3}}|20\d\d)(?!\w|[.,]\d)", _month_year, needs=DIGIT),
    rule(rf"\b({_DAY})\b\.?\s?[-–—]\s?({_DAY})\b\.?", _day_range, needs="-–—"),
    rule(r"\b(Tues?|Wed|Thu(?:rs?)?|Fri)\b\.?", _day_alone),
    rule(r"(?<!\bthe )(?<!\bThe )\b(Mon|Sat|Sun)\.(?=\s)", _day_alone, needs="."),
    rule(r"(?:(?<=\bon )|(?<=\bnext )|(?<=\bevery ))(Mon|Sat|Sun)\b\.?", _day_alone),
    rule(rf"(?<!\bthe )(?<!\bThe )\b(Mon|Sat|Sun)(?=,?\s(?:\d|{_MONTH}))", _day_alone),
    rule(r"(?<![\w.,/-])(1\d{3}|20\d\d)/(\d\d|20\d\d)(?![\w/-]|[.,]\d)", _season, needs=f"{DIGIT} /"),
    rule(
        r"(?<![\w.,/-])(1\d{3}|20\d\d)\s?[-–—]\s?(1\d{3}|20\d\d|\d\d)(?![\w/-]|[.,]\d|\s?=)",
        _year_range,
        needs=f"{DIGIT} -–—",
    ),
    rule(r"(?<![\w.,])(\d{1,4})\s?(BCE?|CE|AD|B\.C\.(?:E\.)?|A\.D\.)(?!\w)", _era, needs=f"{DIGIT} BCA"),
    rule(
        r"\b([Ii]n|[Ss]ince|of|year|AD|until) (10\d\d)"
        r"(?!\w|[.,]\d|\s(?!was\b|is\b|has\b|as\b|its\b|this\b)[a-z]{2,12}s\b)",
        lambda found: f"{found[1]} {year(int(found[2]))}",
        needs=DIGIT,
    ),
    rule(r"(?<![\w.,])(10|100|1,?000)['’]?s(?=\s(?:of\b|upon\b|more\b))", _many, needs=DIGIT),
    rule(r"(?<![\w.,])(\d{3}0)['’]?s\b", lambda found: decade(int(found[1])), needs=DIGIT),
    rule(
        r"['’]([2-9]0|00|10)['’]?s\b",
        lambda found: decade(int(found[1])) if int(found[1]) else "two thousands",
        needs=DIGIT,
    ),
    rule(r"(?<![\w.,:/$€£])([2-9]0)['’]?s\b", _decade, needs=DIGIT),
)
