"""Spoken forms of numbers."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import CONVERTER_CLASSES, num2words

NUMBER = r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d+)?|\d+(?:\.\d+)?"
"""Pattern of a number in English notation."""
WHOLE_NUMBER = rf"(?<!\d)(?:{NUMBER})"
"""The same where something must follow it: no search begins within its digits, so that the time stays linear."""

LONGEST = 15
"""Number of digits beyond which a number is read digit by digit."""

LONGEST_FOREIGN = 40
"""Characters of the longest number that is written out in another language."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PARTS = {2: "half", 4: "quarter"}


def knows(language: str) -> bool:
    """Whether numbers can be written out in a language, given by its code."""
    return language in CONVERTER_CLASSES or language[:2] in CONVERTER_CLASSES


@lru_cache(maxsize=1024)
def cardinal(number: int) -> str:
    """42 is forty-two."""
    return _in_words(number, "cardinal")


@lru_cache(maxsize=256)
def ordinal(number: int) -> str:
    """42 is forty-second."""
    return _in_words(number, "ordinal")


@lru_cache(maxsize=256)
def year(number: int) -> str:
    """1984 is nineteen eighty-four."""
    return _in_words(number, "year")


def _in_words(number: int, form: str) -> str:
    words: str = num2words(number, to=form)
    return words.replace(",", "")


def one_by_one(digits: str) -> str:
    """007 is zero zero seven."""
    return " ".join(_DIGITS[int(digit)] for digit in digits if digit.isdigit())


def spoken(number: str) -> str:
    """A number in English notation, such as `1,234.5`, `007` or `3.14`, in words."""
    whole, point, fraction = number.replace(",", "").partition(".")
    odd = len(whole) > LONGEST or (whole.startswith("0") and len(whole) > 1)
    words = one_by_one(whole) if odd else cardinal(int(whole))
    return f"{words} point {one_by_one(fraction)}" if point else words


def counted(number: str, one: str, many: str) -> str:
    """A number with its unit in singular or plural: one mile, two miles."""
    return f"{spoken(number)} {one if number == '1' else many}"


def fraction(above: int, below: int) -> str:
    """3 and 4 are three quarters."""
    name = _PARTS.get(below) or ordinal(below)
    many = "halves" if below == 2 else f"{name}s"
    return f"{cardinal(above)} {name if above == 1 else many}"


def decade(start: int) -> str:
    """1980 is nineteen eighties, 90 is nineties."""
    words = year(start) if start > 99 else cardinal(start)
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


@lru_cache(maxsize=1024)
def foreign(number: str, language: str) -> str:
    """A number in words of another language; `1.234` and `1,234` are integers, `3,5` and `3.5` are not."""
    plain = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number[: LONGEST_FOREIGN + 1]).replace(",", ".")
    if len(plain) > LONGEST_FOREIGN or plain.count(".") > 1:
        return number  # an address, a version or a date, which voices read well themselves
    try:
        return str(num2words(float(plain) if "." in plain else int(plain), lang=language))
    except (OverflowError, TypeError, ValueError):  # not every language can express every number
        return number
