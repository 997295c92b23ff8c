"""Text to the phonemes that Kokoro was trained with, one function a language.

English comes from the Hibari package and Chinese from pypinyin and misaki; other languages from the
espeak-ng program, which is run and not linked. Each returns symbols of Kokoro's vocabulary with spaces
and punctuation; symbols that it lacks are dropped later.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from nodes.models import home
from pipeline.errors import DependencyError, ResourceError

G2p = Callable[[str], str]
"""From text to phonemes."""

TIMEOUT = 30.0
"""Seconds that espeak-ng may take for one clause."""

ESPEAK = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""Kokoro's languages that espeak-ng phonemises, with its name for each."""
LANGUAGES = ("en", "zh", *ESPEAK)
"""ISO 639-1 codes of the languages that can be phonemised. Kokoro's Japanese voices are left out:
their phonemes need 350 MB of packages, and 15 % of the characters are still misheard."""

_AFFRICATES = {"d^z": "ʣ", "d^ʒ": "ʤ", "s^s": "S", "t^s": "ʦ", "t^ʃ": "ʧ"}
_FOREIGN_WORD = re.compile(r"\([a-z-]+\)")
"""espeak-ng marks words of another language: `(en)website(es)`."""
_CLAUSE = re.compile(r"([^,;:.!?…—¡¿«»“”\"()।]+)|([,;:.!?…—«»“”\"()।]\s*)")
_STOPS = {"।": "."}

_TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"), ("ɻ̩", "ɨ"), ("ɹ̩", "ɨ"), ("̯", ""))
"""Tones and syllabic consonants as Kokoro writes them (misaki's convention), longest first."""
_MARKS = str.maketrans(
    {
        "、": ", ",
        "，": ", ",
        "。": ". ",
        "．": ". ",
        "！": "! ",
        "：": ": ",
        "；": "; ",
        "？": "? ",
        "《": " “",
        "》": "” ",
        "「": " “",
        "」": "” ",
        "『": " “",
        "』": "” ",
        "【": " “",
        "】": "” ",
        "（": " (",
        "）": ") ",
    }
)
_DIGITS = str.maketrans("0123456789〇０１２３４５６７８９", "零一二三四五六七八九零零一二三四五六七八九")
_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003FFFF]+")


def g2p(language: str, *, british: bool = False) -> G2p:
    """The phonemiser of one of `LANGUAGES`, loaded.

    Raises DependencyError if a package or program that the language needs is missing.
    """
    if language == "en":
        return _english(british)
    if language == "zh":
        return _chinese()
    program = shutil.which("espeak-ng")
    if program is None:
        raise DependencyError(
            f"the phonemes of the language {language} need the program espeak-ng",
            hint="apt install espeak-ng, dnf install espeak-ng or brew install espeak-ng",
        )
    return partial(_spoken_by_espeak, program, ESPEAK[language])


@lru_cache(maxsize=2)
def _english(british: bool) -> G2p:
    from hibari import Hibari
    from hibari.g2p import G2P

    convert = G2P(british=british)
    convert("Hello.")
    return lambda text: " ".join(filter(None, map(convert, Hibari.split_sentences(text))))


@lru_cache(maxsize=1)
def _chinese() -> G2p:
    try:
        # jieba's imports warn about their own age.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import jieba
            from misaki.transcription import pinyin_to_ipa
            from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise DependencyError(
            f"the phonemes of Chinese need the package {error.name}", hint="pip install 'vitagraph[zh]'"
        ) from error
    jieba.setLogLevel(logging.WARNING)
    folder = home() / "jieba"
    folder.mkdir(parents=True, exist_ok=True)
    jieba.dt.tmp_dir = str(folder)  # its default is the temporary folder that all users share
    jieba.initialize()
    syllables = partial(lazy_pinyin, style=Style.TONE3, neutral_tone_with_five=True)

    def word(text: str) -> str:
        return "".join(_syllable(each, pinyin_to_ipa) for each in syllables(text))

    def clause(found: re.Match[str]) -> str:
        return " ".join(map(word, jieba.cut(found[0])))

    return lambda text: _HAN.sub(clause, text.translate(_DIGITS).translate(_MARKS)).strip()


def _syllable(pinyin: str, to_ipa: Callable[[str], Any]) -> str:
    """The phonemes of a syllable; of a rare character without a reading, none."""
    try:
        sounds: str = "".join(to_ipa(pinyin)[0])
    except (ValueError, IndexError, KeyError):
        return ""
    for old, new in _TONES:
        sounds = sounds.replace(old, new)
    return sounds


def _spoken_by_espeak(program: str, voice: str, text: str) -> str:
    """Phonemes clause by clause, with the punctuation between them, which espeak-ng would drop."""
    return "".join(
        _espeak_clause(program, voice, words) if words.strip() else _STOPS.get(mark.strip(), mark.strip()) + " "
        for words, mark in _CLAUSE.findall(text)
    ).strip()


def _espeak_clause(program: str, voice: str, words: str) -> str:
    command = [program, "-q", "--ipa", "--tie=^", "-v", voice, "--stdin"]
    try:
        done = subprocess.run(command, input=words.encode(), capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ResourceError(
            f"espeak-ng did not finish within {TIMEOUT:g} s", hint="is this machine overloaded?"
        ) from error
    except OSError as error:
        raise DependencyError(f"espeak-ng cannot be started: {error.strerror}", hint="install it again") from error
    if done.returncode != 0:
        raise ResourceError("espeak-ng failed", hint="run it in a terminal to see why")
    sounds = " ".join(done.stdout.decode(errors="replace").split())
    for old, new in _AFFRICATES.items():
        sounds = sounds.replace(old, new)
    return _FOREIGN_WORD.sub("", sounds.replace("^", "")).replace("-", "")
