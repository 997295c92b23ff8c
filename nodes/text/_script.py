"""Letters that the voice of a language cannot read, in letters that it can."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

_SCRIPTS: dict[str, str] = {
    "greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": r"\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "hebrew": r"\u0590-\u05ff\ufb1d-\ufb4f",
    "arabic": r"\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe",
    "devanagari": r"\u0900-\u097f\ua8e0-\ua8ff",
    "bengali": r"\u0980-\u09ff",
    "tamil": r"\u0b80-\u0bff",
    "thai": r"\u0e00-\u0e7f",
    "kana": r"\u3040-\u30ff\u31f0-\u31ff",
    "hangul": r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff",
    "han": r"\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
}
_OWN: dict[str, tuple[str, ...]] = {
    "el": ("greek",),
    **dict.fromkeys(("ru", "uk", "be", "bg", "sr", "mk", "kk", "mn"), ("cyrillic",)),
    **dict.fromkeys(("he", "yi"), ("hebrew",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("arabic",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("devanagari",)),
    "bn": ("bengali",),
    "ta": ("tamil",),
    "th": ("thai",),
    "zh": ("han",),
    "ja": ("kana", "han"),
    "ko": ("hangul",),
    **dict.fromkeys(
        "en de fr es it pt nl da sv no nb nn fi is pl cs sk sl hr bs hu ro sq et lv lt tr az id ms vi sw tl ca eu gl ga"
        " cy af eo la".split(),
        (),
    ),
}
"""By language, the scripts its voices read beside Latin. Other languages are left as they are."""
_LETTERS = re.compile("|".join(f"(?P<{script}>[{letters}]+)" for script, letters in _SCRIPTS.items()))
_WITHOUT_VOWELS = re.compile(f"[{_SCRIPTS['hebrew']}{_SCRIPTS['arabic']}]")
_UNWRITTEN_A = re.compile(r"(?<=[\u0915-\u0939])(?=[\u0915-\u0939])")
_GREEK = re.compile(f"[{_SCRIPTS['greek']}]")
_GREEK_NAME = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_CONSONANTS = re.compile(r"(?<=[b-df-hj-np-tv-z])(?=[b-df-hj-np-tv-z])")
_MARKS = str.maketrans(
    {"。": ". ", "、": ", ", "「": '"', "」": '"', "『": '"', "』": '"', "《": '"', "》": '"', "・": " "}
)


def in_own_letters(text: str, language: str) -> str:
    """The text with foreign letters transliterated, approximately: 你好 is ni hao, Привет is Privet, α is alpha.

    Hebrew and Arabic leave vowels out; an `a` stands for each of them.
    """
    own = _OWN.get(language[:2])
    if own is None or text.isascii():
        return text
    if "han" not in own:
        text = text.translate(_MARKS)
    return _LETTERS.sub(lambda found: found[0] if found.lastgroup in own else _transliterated(found), text)


def _transliterated(found: re.Match[str]) -> str:
    letters, text = found[0], found.string
    if len(letters) == 1 and _GREEK.match(letters):
        name = _GREEK_NAME.match(unicodedata.name(letters, ""))
        said = name[1].lower() if name else ""
    else:
        said = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", anyascii(_UNWRITTEN_A.sub("अ", letters)))
        if _WITHOUT_VOWELS.match(letters):
            said = _CONSONANTS.sub("a", said)
        said = said if letters[0] != letters[0].lower() else said.lower()
        said = "".join(letter for letter in said if letter.isalnum() or letter in " -,.?!")
    before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
    return f"{' ' if before.isalnum() else ''}{said}{' ' if after.isalnum() else ''}"
