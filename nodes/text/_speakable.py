"""Spoken form of plain text: numbers, dates, symbols, addresses and abbreviations in words."""

from __future__ import annotations

import re
import unicodedata

from nodes.text import _chinese, _english, _french, _german, _spanish
from nodes.text._foreign import foreign, knows
from nodes.text._math import RAISED
from nodes.text._rules import SpokenForm, rule, spoken_by
from nodes.text._script import in_own_letters

_TIDY: tuple[SpokenForm, ...] = (
    rule(r"\(\s*\)", " ", rewrites=True),
    rule(r"\s+", " ", rewrites=True),
    rule(r"(?<=[a-z]),(?=[a-z])", ", ", rewrites=True),
    rule(r" (?=[,.!?;:)])", "", rewrites=True),
    rule(r"\( ", "(", rewrites=True),
    rule(r"([,;:])(?:\s*[,;:])+", r"\1", rewrites=True),
    rule(r",(?=[.!?])", "", rewrites=True),
    rule(r"^[\s,;:.!?)-]+", "", rewrites=True),
)
_RULES = {
    "en": _english.RULES,
    "de": _german.RULES,
    "fr": _french.RULES,
    "es": _spanish.RULES,
    "zh": _chinese.RULES,
}

LONGEST = 1000
"""Characters that are written out of one text."""
MOST_FOREIGN = 100
"""Numbers that are written out of one text in another language, which takes up to 0.4 ms each."""


def speakable(text: str, language: str = "en") -> str:
    """The text for a voice to speak; empty if nothing can be spoken.

    `language` is a BCP 47 tag. English, German, French, Spanish and Chinese are written out by rules of their
    own; of other languages only the numbers are, if num2words supports them. Of a text above 1,000 characters,
    which is no sentence, the rest is spoken as it is written: writing out 1,000 characters takes up to 20 ms.
    """
    if all(unicodedata.category(character)[0] in "PZ" for character in text):
        return ""
    end = len(text)
    if end > LONGEST:
        end = max(text.rfind(" ", 0, LONGEST), 0) or LONGEST
    said = text[:end]
    if rules := _RULES.get(language[:2]):
        said = spoken_by(rules, _halved(said) if language[:2] == "zh" else _normal(said))
    elif knows(language):
        said = re.sub(r"\d+(?:[.,]\d+)*", lambda found: foreign(found[0], language), said, count=MOST_FOREIGN)
    said = _tidy(_without_pictures(in_own_letters(said, language)))
    rest = " ".join(_without_pictures(text[end:]).split())
    said = f"{said} {rest}" if rest else said
    return said.strip() if any(map(str.isalnum, said)) else ""


def _tidy(text: str) -> str:
    return spoken_by(_TIDY, text)


_PLAIN = re.compile(f"[^ºª{''.join(RAISED)}]+")
_PARTS = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")


def _normal(text: str) -> str:
    """Replaces full-width letters, ligatures and fraction characters by plain characters, but not powers."""
    text = re.sub(r"º(?=[CF]\b)", "°", text)
    plain = _PLAIN.sub(lambda found: unicodedata.normalize("NFKC", _PARTS.sub(" ", found[0])), text)
    return plain if len(plain) <= 4 * len(text) else text  # one character can stand for eighteen


def _halved(text: str) -> str:
    """Replaces full-width digits, letters and signs of numbers by plain ones; Chinese punctuation stays."""
    return re.sub(
        r"[０-９Ａ-Ｚａ-ｚ％＋．：／＝\u3380-\u33df]", lambda found: unicodedata.normalize("NFKC", found[0]), text
    )


class _Pictures(dict[int, str | int]):
    """By code point, for `str.translate`: a space for what is no letter, number, mark or punctuation."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        category = unicodedata.category(character)
        picture = character in "\ufe0f\u20e3" or category[0] in "SC"
        self[code] = ("" if category == "Cf" else " ") if picture else code
        return self[code]


_PICTURES = _Pictures()


def _without_pictures(text: str) -> str:
    """Replaces emoji and everything else that is no letter, number, mark or punctuation by spaces."""
    return text.translate(_PICTURES)
