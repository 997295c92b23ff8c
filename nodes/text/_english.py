"""All rules of English, in the order in which they apply: structure first, plain numbers and symbols last."""

from __future__ import annotations

import re

from nodes.text import _amounts, _dates, _digits, _math, _money, _roman, _short, _times, _units, _web
from nodes.text._numbers import digits_in
from nodes.text._rules import DIGIT, SpokenForm, rule

_KEYS = {"*": "star", "#": "pound"}
_PRESSED = re.compile(
    r"\b(?:press|presses|pressed|pressing|dial|hit|enter|key|keys|button|push|type|the)\b.{0,12}\Z", re.I
)


def _key(found: re.Match[str]) -> str:
    """`*` and `#` on a telephone; elsewhere they are marks."""
    start = found.string[max(0, found.start() - 20) : found.start()]
    return f" {_KEYS[found[0]]} " if _PRESSED.search(start) else found[0]


def _dialled(found: re.Match[str]) -> str:
    said = (_KEYS.get(mark) or digits_in(mark) for mark in found[0])
    return " ".join(" ".join(said).split())


def _letters(found: re.Match[str]) -> str:
    return f"{found[1]} to {found[2]}" if ord(found[2]) - ord(found[1]) > 1 else found[0]


_CITATIONS: tuple[SpokenForm, ...] = (
    rule(r"\s?\[[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3}){0,9}\]", "", needs="[", rewrites=True),
    rule(
        r"\s?\[(?:citation needed|note \d{1,3}|who\?|when\?|clarification needed|better source needed)\]",
        "",
        needs="[",
        rewrites=True,
    ),
    rule(r"【[^【】]{0,60}】", "", needs="【", rewrites=True),
)
_SYMBOLS: tuple[SpokenForm, ...] = (
    rule(r"(?<!\S)[:;]-?[)(DPp](?!\S)", "", needs=":; )(DPp"),  # :-)
    rule(r"\b([A-G])#", r"\1 sharp", needs="#"),
    rule(r"[*#]", _key, needs="*#"),
    rule(r"#(?=\w)", "hashtag ", needs="#"),
    rule(r"\^\s?two\b|²", " squared", needs="^²"),
    rule(r"³", " cubed", needs="³"),
    rule(r"\^", " to the power of ", needs="^"),
    rule(r"[-=]>|→|⇒", " to ", needs=">→⇒"),
    rule(r"!=|≠", " is not ", needs="=≠"),
    rule(r"<=|≤", " at most ", needs="=≤"),
    rule(r">=|≥", " at least ", needs="=≥"),
    rule(r"(?<![\w)])<(?=[A-Za-z])([\w '-]{1,60})>", r" \1 ", needs="<", rewrites=True),
    rule(r"(?<![\w)])<([^<>\s]{1,3})>", r" \1 ", needs="<", rewrites=True),  # an address that has been said
    rule(r"<", " less than ", needs="<"),
    rule(r">", " greater than ", needs=">"),
    rule(r"=+", " equals ", needs="="),
    rule(r"≈|~(?=\s?\w)|~(?=\W?[\U000F0000-\U000FFFFD])", " about ", needs="≈~"),
    rule(r"±", " plus or minus ", needs="±"),
    rule(r"\+", " plus ", needs="+"),
    rule(r"÷", " divided by ", needs="÷"),
    rule(r"(?<=[\w)\U000F0000-\U000FFFFD]\s)[×*](?=\s?[\w(\U000F0000-\U000FFFFD])", " times ", needs="×*"),
    rule(r"(?<=[\w\U000F0000-\U000FFFFD])×(?=[\w\U000F0000-\U000FFFFD])", " times ", needs="×"),
    rule(r"∞", " infinity ", needs="∞"),
    rule(r"∑", " the sum of ", needs="∑"),
    rule(r"∫", " the integral of ", needs="∫"),
    rule(r"∈", " in ", needs="∈"),
    rule(r"‰", " per thousand", needs="‰"),
    rule(r"↔", " and ", needs="↔"),
    rule(r"&+", " and ", needs="&"),
    rule(r"@", " at ", needs="@"),
    rule(r"%", " percent", needs="%"),
    rule(r"°", " degrees ", needs="°"),
    rule(r"§§?", " section ", needs="§"),
    rule(r"\b(A)/(B)\b|\b(TCP)/(IP)\b", lambda found: found[0].replace("/", " "), needs="/"),
    rule(r"/(?=(?:day|week|month|year|hour|minute|second|night|person|mile|pound)\b)", " per ", needs="/"),
    rule(r"/", " slash ", needs="/"),
    rule(r"\|", ", ", needs="|"),
    rule(r"[•·⋅]", ", ", needs="•·⋅"),
    rule(r"[][{}_*#\\~]", " ", needs="][{}_*#\\~"),
)

RULES: tuple[SpokenForm, ...] = (
    *_math.LATEX,
    *_CITATIONS,
    *_times.EARLY,
    *_web.RULES,
    *_amounts.EARLY,
    rule(
        r"(?<!\w)[*#]\d{1,5}[*#]?(?:\d{1,5}#)?(?=[\s,.;]|\Z)(?<=[*#])|(?<!\w)\*\d{1,5}(?!\w)",
        _dialled,
        needs=f"*# {DIGIT}",
    ),
    *_short.RULES,
    *_roman.RULES,
    *_times.RULES,
    *_dates.RULES,
    *_digits.RULES,
    *_money.RULES,
    *_units.RULES,
    *_math.RULES,
    rule(r"\b([A-Z])\s?[-–]\s?([A-Z])\b", _letters, needs="-–"),
    *_amounts.RULES,
    *_SYMBOLS,
)
