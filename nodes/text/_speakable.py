"""Spoken form of plain text: numbers, dates, symbols, addresses and abbreviations in words."""

from __future__ import annotations

import re
import unicodedata

from nodes.text import _amounts, _dates, _short, _web
from nodes.text._numbers import foreign, knows
from nodes.text._rules import Rule, apply, rule

_SYMBOLS: tuple[Rule, ...] = (
    rule(r"(?<!\S)[:;]-?[)(DPp](?!\S)", ""),  # :-)
    rule(r"\b([A-G])#", r"\1 sharp"),
    rule(r"#(?=\w)", "hashtag "),
    rule(r"\^\s?two\b|²", " squared"),
    rule(r"\^\s?three\b|³", " cubed"),
    rule(r"\^", " to the power of "),
    rule(r"[-=]>|→|⇒", " to "),
    rule(r"!=|≠", " is not "),
    rule(r"<=|≤", " at most "),
    rule(r">=|≥", " at least "),
    rule(r"<", " less than "),
    rule(r">", " greater than "),
    rule(r"=+", " equals "),
    rule(r"≈|~(?=\s?\w)", " about "),
    rule(r"±", " plus or minus "),
    rule(r"\+", " plus "),
    rule(r"÷", " divided by "),
    rule(r"[×*](?=\s?\w)(?<=\w\s[×*])", " times "),
    rule(r"&", " and "),
    rule(r"@", " at "),
    rule(r"%", " percent"),
    rule(r"°", " degrees"),
    rule(r"§", " section "),
    rule(r"/", " slash "),
    rule(r"\|", ", "),
    rule(r"[•·]", ", "),
    rule(r"[][{}_*#\\]", " "),
)
_TIDY: tuple[Rule, ...] = (
    rule(r"\(\s*\)", " "),
    rule(r"\s+", " "),
    rule(r"(?<=[a-z]),(?=[a-z])", ", "),
    rule(r"\s+(?=[,.!?;:)])", ""),
    rule(r"([,;:])(?:\s*[,;:])+", r"\1"),
    rule(r"^[\s,;:.!?)-]+", ""),
)
_ENGLISH = (*_web.RULES, *_short.RULES, *_dates.RULES, *_amounts.RULES, *_SYMBOLS)


def speakable(text: str, language: str = "en") -> str:
    """The text for a voice to speak; empty if nothing can be spoken.

    In languages other than English only numbers are written out, if num2words supports them.
    """
    if language[:2] == "en":
        text = apply(_ENGLISH, re.sub(r"[^²³]+", _normal, text))
    elif knows(language):
        text = re.sub(r"\d+(?:[.,]\d+)*", lambda found: foreign(found[0], language), text)
    text = apply(_TIDY, _without_pictures(text))
    return text.strip() if any(character.isalnum() for character in text) else ""


def _normal(found: re.Match[str]) -> str:
    """Replaces full-width letters, ligatures and fraction characters by plain characters."""
    return unicodedata.normalize("NFKC", re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", found[0]))


def _without_pictures(text: str) -> str:
    """Removes emoji and everything else that is no letter, number, mark or punctuation."""
    return "".join(" " if _is_picture(character) else character for character in text)


def _is_picture(character: str) -> bool:
    return character in "\ufe0f\u20e3" or unicodedata.category(character)[0] in "SC"
