"""Phonemes of the languages that Kokoro speaks."""

from __future__ import annotations

import shutil

import pytest

from nodes.tts._g2p import ESPEAK, LANGUAGES, g2p
from nodes.tts.kokoro import SYMBOLS
from pipeline.errors import DependencyError

SAMPLES = {
    "en": "Hello there, AI is better, right?",
    "zh": "你好，世界！今天星期几？",
    "es": "¿Cómo estás? Me llamo José.",
    "fr": "Bonjour, je m'appelle Marie et j'habite à Paris.",
    "hi": "नमस्ते, आप कैसे हैं?",
    "it": "Buongiorno, come stai oggi?",
    "pt": "Olá, como você está hoje?",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_g2p_gives_symbols_that_the_model_knows(language: str) -> None:
    """A symbol that the model lacks is a sound that nobody hears."""
    phonemes = g2p(language)(SAMPLES[language])
    assert set(phonemes) <= set(SYMBOLS) | set("¿")
    assert phonemes.rstrip()[-1] in "?." and sum(map(str.isalpha, phonemes)) > 8


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("你好", "ni↓xau↓"),
        ("银行", "i↗nxa↗ŋ"),
        ("行走", "ɕi↗ŋʦou↓"),
        ("是", "ʂɨ↘"),
        ("不是", "pu↗ʂɨ↘"),
        ("哪儿", "na↓ɚ↗"),
        ("你好。", "ni↓xau↓."),
        ("7", "ʨʰi→"),
    ],
)
def test_g2p_chinese_readings(text: str, phonemes: str) -> None:
    """A character with several readings takes that of its word, and every tone has its arrow."""
    assert g2p("zh")(text) == phonemes


@pytest.mark.parametrize("rare", "㐂𠮷ㄅ々𰻝")
def test_g2p_chinese_rare_character_does_not_lose_the_sentence(rare: str) -> None:
    """One name with a rare character must not silence the answer."""
    said = g2p("zh")(f"他叫{rare}先生")
    assert said.startswith("tʰa→") and said.endswith(g2p("zh")("先生"))


def test_g2p_espeak_writes_affricates_and_drops_marks_of_language() -> None:
    """espeak-ng writes `t^ʃ`, and brackets around foreign words, which the voice would stumble over."""
    said = g2p("es")("Mucho software, OK?")
    assert "ʧ" in said and not set("^()-") & set(said) and "," in said and said.endswith("?")


def test_g2p_without_espeak_names_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person learns what to install for French."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    for language in ESPEAK:
        with pytest.raises(DependencyError, match="espeak-ng") as caught:
            g2p(language)
        assert "apt install" in caught.value.hint
