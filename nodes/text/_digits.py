"""Spoken forms of numbers that people say digit by digit: telephones, codes, cards, addresses of machines."""

from __future__ import annotations

import re
from itertools import pairwise

from nodes.text._numbers import cardinal, hundreds, one_by_one, spoken
from nodes.text._rules import DIGIT, SpokenForm, rule

_NEAR = 48
"""Characters before a number in which the words are looked for that tell what it is."""
_CALLED = re.compile(
    r"\b(?:call|calls|called|calling|dial|dialed|dialing|ring|phone|telephone|tel|fax|text|texted|cell|mobile|whatsapp"
    r"|hotline|helpline)\b(?:\s?(?:number|me|us|them|it|now|on|at|to|is|was|the|or|and|either|:|\.)){0,4}[\s:]{0,2}\Z",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\b(?:(?:zip|area|postal)?\s?code|zip|postcode|pin|passcode|password|otp|ssn|ext|extension|combination|iban"
    r"|ending in|(?:account|routing|order|tracking|reference|ticket|booking|confirmation|member|serial|invoice|case"
    r"|card|policy|customer|student|employee|license|phone|tracking)\s(?:number|no|code|id)|\bID)\b"
    r"(?:\s?(?:number|is|was|are|of|:|=|#|\.)){0,3}[\s:#]{0,3}\Z",
    re.IGNORECASE,
)
_EMERGENCY = "911|999|112|000|110|119|988|101|111|[2-8]11"


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - _NEAR) : found.start()]


def _groups(text: str) -> str:
    return ", ".join(map(one_by_one, re.findall(r"\d+", text)))


def _telephone(found: re.Match[str]) -> str:
    return ("plus " if found[0].startswith("+") else "") + _groups(found[0])


def _toll_free(found: re.Match[str]) -> str:
    area = found[1]
    code = f"{cardinal(int(area[0]))} hundred" if area.endswith("00") else one_by_one(area)
    rest = found[2]
    said = _groups(rest) if rest[0].isdigit() else rest.replace("-", " ").title()
    return f"one, {code}, {said}"


def _by_context(found: re.Match[str]) -> str:
    """A number without separators that is called or is a code."""
    digits = found[0]
    text = _before(found)
    if _CALLED.search(text) and len(digits) >= 7:
        cut = (0, 3, 6, 10) if len(digits) == 10 else (0, len(digits) - 4, len(digits))
        return ", ".join(one_by_one(digits[begin:end]) for begin, end in pairwise(cut))
    if _CODE.search(text) and len(digits) > 2:
        return one_by_one(digits)
    return digits


def _emergency(found: re.Match[str]) -> str:
    return one_by_one(found[0]) if _CALLED.search(_before(found)) else found[0]


def _halves(found: re.Match[str]) -> str:
    return " ".join(cardinal(int(part)) for part in found[1].split("-"))


def _state(found: re.Match[str]) -> str:
    return _groups(found[1])


def _address(found: re.Match[str]) -> str:
    """192.168.1.1: each part digit by digit."""
    parts = found[1].split(".")
    if any(int(part) > 255 for part in parts):
        return found[0]
    port = f" port {one_by_one(found[2])}" if found[2] else ""
    mask = f" slash {spoken(found[3])}" if found[3] else ""
    return " dot ".join(map(one_by_one, parts)) + port + mask


def _version(found: re.Match[str]) -> str:
    said = " point ".join(map(spoken, found[2].split(".")))
    return f"version {said}" if found[1] else said


def _dashed(found: re.Match[str]) -> str:
    parts = found[0].split("-")
    if all(len(part) < 3 and part[0] != "0" for part in parts):
        return " ".join(map(spoken, parts))
    return _groups(found[0])


def _spelled(found: re.Match[str]) -> str:
    """Hexadecimal digits, one by one."""
    return ", ".join(
        " ".join(one_by_one(letter) if letter.isdecimal() else letter.upper() for letter in group)
        for group in re.findall(r"[0-9A-Fa-f]+", found[1])
    )


def _plan(found: re.Match[str]) -> str:
    number = found[1]
    said = one_by_one(number, "oh") if len(number) == 3 and number[1] == "0" else hundreds(int(number))
    section = f" {spoken(found[3])}" if found[3] else ""
    return f"{said} {found[2].upper()}{section}"


def _named(found: re.Match[str]) -> str:
    return f"{found[1]} {hundreds(int(found[2]))}"


RULES: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w.-])1[-.\s](8\d\d|900)[-.\s]([A-Z]{3,12}(?:-[A-Z]{2,8})?|\d{3}[-.\s]\d{4})(?!\w)",
        _toll_free,
        needs=DIGIT,
    ),
    rule(
        r"(?<![\w.)])(?:\+\d[\d\s().-]{6,18}\d|(?:1[\s.-])?\(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}|\d{3}-\d{4})(?![\w-])",
        _telephone,
        needs=DIGIT,
    ),
    rule(r"(?<![\w.,:/-])0\d{1,4}(?:[\s-]\d{2,8}){1,4}(?![\w-]|[.,:]\d)", _telephone, needs=DIGIT),
    rule(
        r"(?<![\w.,-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-]|[.,]\d)|(?<![\w.,-])\d{4}([ -])\d{6}\2\d{5}(?![\w-])",
        _telephone,
        needs=f"{DIGIT} -1234567890",
    ),
    rule(r"(?<![\w.,$€£/-])\d{3,20}(?![\w%]|[.,:/-]\d)", _by_context, needs=DIGIT),
    rule(rf"(?<![\w.,$€£/-])(?:{_EMERGENCY})(?![\w%]|[.,:/-]\d|-)", _emergency, needs=DIGIT),
    rule(
        r"(?<![\w.,$€£/-])(?:911|999|112)(?=\s(?:call|calls|caller|operator|dispatcher|emergency|services?|number)\b)",
        lambda found: one_by_one(found[0]),
        needs=DIGIT,
    ),
    rule(r"(?<![\w.,$€£/-])911(?!\w|[.,:/-]\d|-|\s[a-z]{3,12}s\b)(?<!Porsche 911)", "nine one one", needs="9"),
    rule(r"(?<![\w-])(50-50|20-20|60-40|80-20|70-30|90-10)(?![\w-])", _halves, needs="-"),
    rule(r"(?<=\b[A-Z][A-Z] )(\d{5}(?:-\d{4})?)(?![\w-]|[.,]\d)", _state, needs=DIGIT),
    rule(r"\b([vV])(\d+(?:\.\d+)*)\b", _version, needs=DIGIT),
    rule(r"(?<=\bversion )()(\d+(?:\.\d+){2,8})(?!\w|\.\d)", _version, re.IGNORECASE, needs=DIGIT),
    rule(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?:/(\d{1,2}))?(?!\w|\.\d)", _address, needs=f"{DIGIT} ."),
    rule(r"(?<![\w.])()(\d+(?:\.\d+){2,})(?![\w]|\.\d)", _version, needs=f"{DIGIT} ."),
    rule(r"(?<![\w-])\d{1,20}(?:-\d{1,20}){2,}(?![\w-])", _dashed, needs=f"{DIGIT} -"),
    rule(r"(?<![\w:])([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})(?![\w:])", _spelled, needs=":"),
    rule(r"#((?=[0-9A-Fa-f]{0,5}\d)[0-9A-Fa-f]{6}|[A-F]{6})\b", _spelled, needs="#"),
    rule(r"(?<![\w.])(\d{1,4})\s?\(([a-z])\)(?:\((\d{1,2})\))?", _plan, needs=f"{DIGIT} ("),
    rule(r"(?<![\w.])(\d{3,4})([pi])\b()", _plan, needs=f"{DIGIT} pi"),
    rule(
        r"\b(Boeing|Airbus|[Ff]light|[Rr]oom|[Ss]uite|Route|Highway|RTX|GTX|RFC|Porsche|Apartment|Form) (\d{3,4})"
        r"(?!\w|[.,]\d)",
        _named,
        needs=DIGIT,
    ),
)
