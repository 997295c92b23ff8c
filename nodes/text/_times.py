"""Spoken forms of English times of day and durations."""

from __future__ import annotations

import re

from nodes.text._dates import before
from nodes.text._numbers import cardinal, counted, pair
from nodes.text._rules import DIGIT, SpokenForm, rule

_CLOCK = r"(?:[01]?\d|2[0-4])"
_HALF = r"(?:\s?(am|pm)\b)?"
_SEP = r"\s?[-–—~]\s?"
_RATIO = re.compile(r"\b(?:ratio|odds|aspect|scale|mix|proportions?|dilution)\b", re.IGNORECASE)
_PARTS = {"d": "day", "h": "hour", "m": "minute", "min": "minute", "s": "second"}
_NEXT = {"d": "h", "h": "m", "m": "s", "min": "s", "s": "s"}


def _clock(hour: str, minute: str | None, half: str | None, *, alone: bool = True) -> str:
    """One time; `alone` means that it is no part of a range whose end says what it is."""
    number, minutes = int(hour), int(minute or 0)
    said = f" {half.upper()}" if half else ""
    if minutes:
        return f"{cardinal(number)} {pair(minutes)}{said}"
    if said or not alone:
        return f"{cardinal(number)}{said}"
    if number in (0, 24):
        return "midnight"
    return f"{cardinal(number)} o'clock" if number < 13 else f"{cardinal(number)} hundred"


def _time(found: re.Match[str]) -> str:
    hour, minute, second, half = found[1], found[2], found[3], found[4]
    if _RATIO.search(before(found)):
        return found[0]
    if not second:
        return _clock(hour, minute, half)
    said = f" {half.upper()}" if half else ""
    minutes = pair(int(minute)) if int(minute) else "zero"
    return f"{cardinal(int(hour))} {minutes} and {counted(str(int(second)), 'second', 'seconds')}{said}"


def _dotted(found: re.Match[str]) -> str:
    return _clock(found[1], found[2], found[3])


def _range(found: re.Match[str]) -> str:
    first, first_minute, first_half, second, second_minute, second_half = found.groups()
    alone = not (second_half or first_half)
    return (
        f"{_clock(first, first_minute, first_half, alone=alone)} to "
        f"{_clock(second, second_minute, second_half, alone=alone)}"
    )


def _hour(found: re.Match[str]) -> str:
    return f"{cardinal(int(found[1]))} {found[2].upper()}"


def _duration(found: re.Match[str]) -> str:
    said, unit = [], "s"
    for number, name in re.findall(r"(\d+)(min|[dhms])?", found[0]):
        unit = name or _NEXT[unit]
        said.append(counted(str(int(number)), _PARTS[unit], f"{_PARTS[unit]}s"))
    return " ".join(said)


def _military(found: re.Match[str]) -> str:
    return f"{pair(int(found[1]))} hundred"


def _half(found: re.Match[str]) -> str:
    ends = found[0].endswith(".") and found.end() == len(found.string)
    return f" {found[1].upper()}M{'.' if ends else ''}"


EARLY: tuple[SpokenForm, ...] = (rule(r"(?<=\d)\s?([AaPp])\.\s?[Mm]\b\.?", _half, needs=f"{DIGIT} .", rewrites=True),)
"""For before the web addresses, which look like `p.m`."""

RULES: tuple[SpokenForm, ...] = (
    rule(
        rf"(?<![\w:.$€£/-])({_CLOCK})(?:[:.]([0-5]\d))?{_HALF}{_SEP}({_CLOCK})(?:[:.]([0-5]\d))?\s?(am|pm)\b",
        _range,
        re.IGNORECASE,
        needs=f"{DIGIT} -–—~",
    ),
    rule(
        rf"(?<![\w:.$€£/-])({_CLOCK})(?:[:.]([0-5]\d))?\s?(am|pm){_SEP}({_CLOCK})(?:[:.]([0-5]\d))?()(?![\w:%]|[.,]\d)",
        _range,
        re.IGNORECASE,
        needs=f"{DIGIT} -–—~",
    ),
    rule(
        rf"(?<![\w:.])({_CLOCK}):([0-5]\d)(){_SEP}({_CLOCK}):([0-5]\d)()(?![\w:]|\.\d)", _range, needs=f"{DIGIT} : -–—~"
    ),
    rule(
        rf"(?<![\w:.])({_CLOCK}):([0-5]\d)(?::([0-5]\d))?(?![\w:]|\.\d){_HALF}",
        _time,
        re.IGNORECASE,
        needs=f"{DIGIT} :",
    ),
    rule(rf"(?<![\w:.])({_CLOCK}):([0-5]\d)()(am|pm)\b", _time, re.IGNORECASE, needs=f"{DIGIT} :"),
    rule(r"(?<![\w.,])(0?[1-9]|1[0-2])\.([0-5]\d)\s?(am|pm)\b", _dotted, re.IGNORECASE, needs=f"{DIGIT} ."),
    rule(r"(?<![\w.])(0?[1-9]|1[0-2])\s?(am|pm)\b", _hour, re.IGNORECASE, needs=DIGIT),
    rule(r"(?<![\w.,])([01]\d|2[0-3])00(?=\s?hours\b)", _military, needs=DIGIT),
    rule(
        r"(?<![\w.])\d{1,4}[dh]\s?\d{1,2}(?:min|[hm])?(?:\s?\d{1,2}(?:min|[ms]))?(?:\s?\d{1,2}s)?(?![\w.-])"
        r"|(?<![\w.])\d{1,4}m(?:in)?\s?\d{1,2}s(?!\w)",
        _duration,
        needs=f"{DIGIT} dhm",
    ),
)
