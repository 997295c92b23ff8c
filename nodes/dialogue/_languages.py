"""The language of answers: what the model is told, and what the person is told if no voice speaks theirs."""

from __future__ import annotations

_NAMES = {
    "en": "English",
    "zh": "Chinese",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "hi": "Hindi",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ar": "Arabic",
    "sv": "Swedish",
    "cs": "Czech",
    "el": "Greek",
    "da": "Danish",
    "fi": "Finnish",
    "hu": "Hungarian",
    "ro": "Romanian",
    "vi": "Vietnamese",
}


def base(language: str) -> str:
    """The ISO 639 part of a BCP 47 code: `zh` of `zh-CN`."""
    return language.split("-")[0].lower()


def answered_in(language: str, spoken: tuple[str, ...]) -> str:
    """The language of the answer to a language: the same if it is among those spoken, else the first of these.

    An answer to text of unknown language, such as a typed one, is in the only language spoken, or unknown as well.
    """
    if not language and len(spoken) != 1:
        return ""
    return language if not spoken or base(language) in map(base, spoken) else spoken[0]


def instruction(language: str) -> str:
    """What the model is told about the language of its answer; empty if its name is unknown."""
    name = _NAMES.get(base(language))
    return f"Answer only in {name}." if name else ""


def excuse(language: str, instead: str) -> str:
    """Said before the first answer in another language than the person's, in that other language."""
    if base(instead) == "zh":
        return "我听得懂您说的语言，但是我没有会说它的声音，所以我用中文回答。"
    heard, said = _NAMES.get(base(language), "your language"), _NAMES.get(base(instead), "another language")
    return f"I understand {heard}, but I have no voice that speaks it, so I will answer in {said}. "
