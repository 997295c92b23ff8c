"""`tts.kokoro`: several languages, in time and deterministic."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from jiwer import cer, wer

from nodes.packets import Sentence, Speech
from nodes.tts.kokoro import (
    LONGEST,
    PIECE,
    SYMBOLS,
    Kokoro,
    KokoroEngine,
    KokoroParams,
    load_kokoro,
    pieces_of,
    split_phonemes,
    without_gaps,
)
from pipeline.errors import ResourceError, UserInputError
from pipeline.testing import root_stamp, run_node
from tests.nodes.tts.listen import WORDS, characters, heard, heard_in, say, words

CHINESE = "今天天气很好，我们一起去公园散步吧。"


@pytest.fixture(scope="module")
def engine() -> KokoroEngine:
    return load_kokoro(KokoroParams())


@pytest.mark.real_model
def test_kokoro_english_is_intelligible() -> None:
    (speech,) = say(Kokoro(), WORDS)
    assert wer(" ".join(words(WORDS)), " ".join(heard(speech))) <= 0.1


@pytest.mark.real_model
def test_kokoro_chinese_is_intelligible() -> None:
    """The language of the sentence chooses the voice."""
    (speech,) = run_node(Kokoro(), [Sentence(root_stamp(), CHINESE, language="zh", last=True)]).of(Speech)
    assert cer(characters(CHINESE), characters(heard_in(speech, "zh"))) <= 0.2


@pytest.mark.real_model
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "Buenos días, me gustaría reservar una mesa para dos personas."),
        ("fr", "Bonjour, je voudrais deux billets pour le train de demain matin."),
        ("it", "Buongiorno, vorrei un caffè e un bicchiere di acqua."),
        ("pt", "Bom dia, eu gostaria de comprar um bilhete para amanhã."),
    ],
)
def test_kokoro_european_languages_are_intelligible(language: str, text: str) -> None:
    """Their phonemes come from espeak-ng, whose writing differs from what the voices know."""
    (speech,) = run_node(Kokoro(), [Sentence(root_stamp(), text, language=language, last=True)]).of(Speech)
    assert cer(text.lower(), heard_in(speech, language).lower()) <= 0.25


@pytest.mark.real_model
def test_kokoro_phonemes_fill_the_speech(engine: KokoroEngine) -> None:
    """The lips move from the first sound to the last, in every part of a text with two voices."""
    spoken = engine.speak("我喜欢用 Python 写程序。", "zh", KokoroParams(), 10**8)
    phonemes = spoken.phonemes
    assert phonemes[-1].end == len(spoken.samples) * 10**9 // spoken.rate
    assert all(one.end == two.start for one, two in pairwise(phonemes))
    assert {"p", "θ"} <= {phoneme.symbol.strip("ˈˌ") for phoneme in phonemes}
    assert not set("AIOQWYTSʤʧᵊꭧ") & set("".join(phoneme.symbol for phoneme in phonemes))


@pytest.mark.real_model
def test_kokoro_vowels_sound_when_the_phonemes_say_so(engine: KokoroEngine) -> None:
    """Its durations lag behind its sound; uncorrected, the lips would too."""
    spoken = engine.speak("Papa paid Peter to pack a pipe.", "en", KokoroParams(), 10**8)
    grid = np.arange(0, len(spoken.samples) - 240, 48)
    loud = np.array([np.abs(spoken.samples[at : at + 240].astype(float)).mean() for at in grid])
    vowel = np.zeros(len(grid))
    for phoneme in spoken.phonemes:
        if set(phoneme.symbol) & set("aæɑəɛɪieʌʊɔ"):
            vowel[(grid >= phoneme.start * 24e-6) & (grid < phoneme.end * 24e-6)] = 1
    fits = {lag: float(np.corrcoef(np.roll(vowel, lag), loud)[0, 1]) for lag in range(-50, 51)}
    best = max(fits.values())
    assert [lag for lag, fit in fits.items() if fit == best and abs(lag) <= 20]  # a step is 2 ms


@pytest.mark.real_model
def test_kokoro_output_is_deterministic_and_trimmed(engine: KokoroEngine) -> None:
    """A replay gives the same bytes; the model's own second of silence is cut."""
    one, two = (engine.speak("Once more, please.", "en", KokoroParams(), 0) for _ in range(2))
    assert np.array_equal(one.samples, two.samples)
    assert np.abs(one.samples[-1200:].astype(int)).max() > 184 and np.abs(one.samples[:2400].astype(int)).max() > 184


@pytest.mark.real_model
@pytest.mark.parametrize("text", [".", "…", "?!", "，。", "¥", "™ ®"])
def test_kokoro_text_without_letters_is_silent(engine: KokoroEngine, text: str) -> None:
    """Of punctuation alone the model makes a noise."""
    assert len(engine.speak(text, "zh", KokoroParams(), 0).samples) == 0


@pytest.mark.real_model
def test_kokoro_long_text_is_spoken_whole(engine: KokoroEngine) -> None:
    """Above 510 symbols the model fails."""
    spoken = engine.speak("我们沿着河边慢慢地走，看到了很多花。" * 10, "zh", KokoroParams(), 0)
    assert len(spoken.samples) > 25 * 24_000


@pytest.mark.real_model
def test_kokoro_unknown_voice_names_those_there_are(engine: KokoroEngine) -> None:
    with pytest.raises(UserInputError, match="no voice 'af_nobody'") as caught:
        engine.speak("Hello.", "en", KokoroParams(voice="af_nobody"), 0)
    assert "af_heart" in caught.value.hint


def test_kokoro_missing_model_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="model_quantized"):
        load_kokoro(KokoroParams(model=str(tmp_path)))


def test_kokoro_voice_follows_the_language() -> None:
    """An answer in Chinese is not read by an English voice."""
    params = KokoroParams(voice="bf_emma", others=("zm_yunxi",))
    assert [params.voice_for(language) for language in ("", "en", "en-US", "zh", "zh-CN", "fr")] == [
        "bf_emma",
        "bf_emma",
        "bf_emma",
        "zm_yunxi",
        "zm_yunxi",
        "ff_siwis",
    ]
    with pytest.raises(UserInputError, match="'de'"):
        params.voice_for("de")


def test_kokoro_sentence_in_a_language_without_a_voice_goes_to_the_fallback() -> None:
    """An English voice reading German is worse than another engine."""
    out = run_node(Kokoro(), [Sentence(root_stamp(), "Guten Tag", language="de", last=True)])
    assert "no Kokoro voice speaks 'de'" in str(out.errors)


def test_kokoro_cache_keeps_languages_apart() -> None:
    """The same letters in two languages are two sounds."""
    node = Kokoro()
    keys = [
        node.cache_key(Sentence(root_stamp(), "Paris", language=language)) for language in ("", "en", "en-GB", "fr")
    ]
    assert len(set(keys)) == 2 and keys[0] == keys[1] == keys[2]


@pytest.mark.real_model
def test_kokoro_latin_words_in_chinese_have_the_english_voice() -> None:
    """The Chinese voices garble them."""
    pieces = list(pieces_of("我用Python和Wi-Fi。", "zh", KokoroParams(voice="zm_yunxi", others=("am_puck",))))
    assert [piece.voice for piece in pieces] == ["zm_yunxi", "am_puck", "zm_yunxi", "am_puck"]


def test_kokoro_long_phonemes_are_cut_after_punctuation() -> None:
    """A cut within a word would be heard."""
    phonemes = "wʌn tuː, θɹiː fɔɹ. " * 60
    pieces = list(split_phonemes(phonemes.strip()))
    assert all(piece.endswith(".") and len(piece) <= PIECE < LONGEST for piece in pieces)
    assert " ".join(pieces) == phonemes.strip()
    assert [len(piece) for piece in split_phonemes("a" * 1000)] == [340, 340, 320]


def test_kokoro_mouth_stays_open_between_words() -> None:
    """The model gives the space between two words some time, in which the voice goes on."""
    assert without_gaps([" ", "a", " ", "b", ",", " ", "I", " "], [5, 10, 4, 10, 2, 6, 8, 5]) == [
        (" ", 5),
        ("a", 12),
        ("b", 12),
        (" ", 2),
        (" ", 6),
        ("aɪ", 8),
        (" ", 5),
    ]


def test_kokoro_symbols_have_mouth_shapes() -> None:
    """A sound without a shape freezes the mouth."""
    from nodes.face._table import TABLE
    from nodes.tts._phonemes import IPA, STRESS

    shaped = set(TABLE.sounds) | set(TABLE.marks) | TABLE.pauses | STRESS | set('"()“”')
    assert [symbol for symbol in SYMBOLS if not set(IPA.get(symbol, symbol)) <= shaped] == []
