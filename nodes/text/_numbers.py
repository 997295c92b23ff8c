"""Spoken forms of English numbers."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
"""Pattern of a number in English notation."""
WHOLE_NUMBER = rf"(?<!\d){NUMBER}"
"""The same where something must follow it: no search begins within its digits, so that the time stays linear."""
FRACTION = r"(?:\d{1,4}[ -])?\d{1,3}⁄\d{1,3}"
"""Pattern of a fraction or a mixed number; the slash is U+2044."""
QUANTITY = rf"(?:{FRACTION}|{NUMBER})"

LONGEST = 15
"""Number of digits beyond which a number is read digit by digit."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PARTS = {2: "half", 4: "quarter"}


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
    """1984 is nineteen eighty-four, 1066 ten sixty-six."""
    if 1000 < number < 1100:
        return f"ten {pair(number % 100)}"
    return _in_words(number, "year")


def _in_words(number: int, form: str) -> str:
    words: str = num2words(number, to=form)
    return words.replace(",", "")


def pair(number: int) -> str:
    """Two digits as the end of a year or a number of a house: 5 is oh five, 42 forty-two."""
    return cardinal(number) if number > 9 else f"oh {cardinal(number)}"


def hundreds(number: int) -> str:
    """Three or four digits as in names and years: 720 is seven twenty, 747 seven forty-seven, 800 eight hundred."""
    above, rest = divmod(number, 100)
    if not above or (not above % 10 and not rest):
        return cardinal(number)
    return f"{cardinal(above)} {pair(rest) if rest else 'hundred'}"


def one_by_one(digits: str, zero: str = "zero") -> str:
    """007 is zero zero seven."""
    return " ".join(_DIGITS[int(digit)] if int(digit) else zero for digit in digits if digit.isdecimal())


def digits_in(text: str) -> str:
    """A text whose numbers are in words: up to 99 as numbers, longer ones digit by digit."""
    return re.sub(r"\d+", lambda found: f" {spoken(found[0]) if len(found[0]) < 3 else one_by_one(found[0])} ", text)


def spoken(number: str) -> str:
    """A number such as `1,234.5`, `007`, `3.14`, `3⁄4` or `1 1⁄2`, in words."""
    if "⁄" in number:
        *whole, parts = re.split(r"[ -]", number)
        above, below = map(int, parts.split("⁄"))
        return f"{spoken(whole[0])} and {fraction(above, below)}" if whole else fraction(above, below)
    whole_part, point, decimals = number.replace(",", "").partition(".")
    odd = len(whole_part) > LONGEST or (whole_part.startswith("0") and len(whole_part) > 1)
    words = one_by_one(whole_part) if odd else cardinal(int(whole_part or "0"))
    return f"{words} point {one_by_one(decimals)}" if point else words


def counted(number: str, one: str, many: str) -> str:
    """A quantity with its unit: one mile, two miles, one half mile, three quarters of a mile."""
    if "⁄" in number and not re.search(r"[ -]", number):
        above = number.partition("⁄")[0]
        article = "an" if one[0] in "aeio" or one.startswith("hour") else "a"
        return f"{spoken(number)} {one}" if above == "1" else f"{spoken(number)} of {article} {one}"
    return f"{spoken(number)} {one if number == '1' else many}"


def fraction(above: int, below: int) -> str:
    """3 and 4 are three quarters."""
    if below < 2 or below > 100:
        return f"{cardinal(above)} over {cardinal(below)}"
    name = _PARTS.get(below) or ordinal(below)
    many = "halves" if below == 2 else f"{name}s"
    return f"{cardinal(above)} {name if above == 1 else many}"


def decade(start: int) -> str:
    """1980 is nineteen eighties, 90 is nineties, 1900 nineteen hundreds."""
    words = year(start) if start > 99 else cardinal(start)
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
