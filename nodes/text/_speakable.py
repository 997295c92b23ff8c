"""Spoken form of plain text: numbers, dates, symbols, addresses and abbreviations in words."""

from __future__ import annotations

import re
import unicodedata

from nodes.text import _amounts, _dates, _short, _web
from nodes.text._numbers import foreign, knows
from nodes.text._rules import SpokenForm, apply, rule

_SYMBOLS: tuple[SpokenForm, ...] = (
    rule(r"(?<!\S)[:;]-?[)(DPp](?!\S)", "", needs=":; )(DPp"),  # :-)
    rule(r"\b([A-G])#", r"\1 sharp", needs="#"),
    rule(r"#(?=\w)", "hashtag ", needs="#"),
    rule(r"\^\s?two\b|²", " squared", needs="^²"),
    rule(r"\^\s?three\b|³", " cubed", needs="^³"),
    rule(r"\^", " to the power of ", needs="^"),
    rule(r"[-=]>|→|⇒", " to ", needs=">→⇒"),
    rule(r"!=|≠", " is not ", needs="=≠"),
    rule(r"<=|≤", " at most ", needs="=≤"),
    rule(r">=|≥", " at least ", needs="=≥"),
    rule(r"<", " less than ", needs="<"),
    rule(r">", " greater than ", needs=">"),
    rule(r"=+", " equals ", needs="="),
    rule(r"≈|~(?=\s?\w)", " about ", needs="≈~"),
    rule(r"±", " plus or minus ", needs="±"),
    rule(r"\+", " plus ", needs="+"),
    rule(r"÷", " divided by ", needs="÷"),
    rule(r"[×*](?=\s?\w)(?<=\w\s[×*])", " times ", needs="×*"),
    rule(r"&", " and ", needs="&"),
    rule(r"@", " at ", needs="@"),
    rule(r"%", " percent", needs="%"),
    rule(r"°", " degrees", needs="°"),
    rule(r"§", " section ", needs="§"),
    rule(r"/", " slash ", needs="/"),
    rule(r"\|", ", ", needs="|"),
    rule(r"[•·]", ", ", needs="•·"),
    rule(r"[][{}_*#\\]", " ", needs="][{}_*#\\"),
)
_TIDY: tuple[SpokenForm, ...] = (
    rule(r"\(\s*\)", " "),
    rule(r"\s+", " "),
    rule(r"(?<=[a-z]),(?=[a-z])", ", "),
    rule(r" (?=[,.!?;:)])", ""),
    rule(r"([,;:])(?:\s*[,;:])+", r"\1"),
    rule(r"^[\s,;:.!?)-]+", ""),
)
_ENGLISH = (*_web.RULES, *_short.RULES, *_dates.RULES, *_amounts.RULES, *_SYMBOLS)


LONGEST = 2000
"""Characters that are written out of one text."""
MOST_FOREIGN = 100
"""Numbers that are written out of one text in another language, which takes up to 0.4 ms each."""


def speakable(text: str, language: str = "en") -> str:
    """The text for a voice to speak; empty if nothing can be spoken.

    In languages other than English only numbers are written out, if num2words supports them.
    Of a text above 2,000 characters, which is no sentence, the rest is spoken as it is written:
    writing out 2,000 characters takes up to 30 ms.
    """
    end = len(text)
    if end > LONGEST:
        end = max(text.rfind(" ", 0, LONGEST), 0) or LONGEST
    said = text[:end]
    if language[:2] == "en":
        said = apply(_ENGLISH, re.sub(r"[^²³]+", _normal, said))
    elif knows(language):
        said = re.sub(r"\d+(?:[.,]\d+)*", lambda found: foreign(found[0], language), said, count=MOST_FOREIGN)
    said = apply(_TIDY, _without_pictures(said))
    rest = " ".join(_without_pictures(text[end:]).split())
    said = f"{said} {rest}" if rest else said
    return said.strip() if any(map(str.isalnum, said)) else ""


def _normal(found: re.Match[str]) -> str:
    """Replaces full-width letters, ligatures and fraction characters by plain characters."""
    return unicodedata.normalize("NFKC", re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", found[0]))


class _Pictures(dict[int, str | int]):
    """By code point, for `str.translate`: a space for what is no letter, number, mark or punctuation."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        picture = character in "\ufe0f\u20e3" or unicodedata.category(character)[0] in "SC"
        self[code] = " " if picture else code
        return self[code]


_PICTURES = _Pictures()


def _without_pictures(text: str) -> str:
    """Replaces emoji and everything else that is no letter, number, mark or punctuation by spaces."""
    return text.translate(_PICTURES)
