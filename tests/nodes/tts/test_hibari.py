"""`tts.hibari`: intelligible, in time and deterministic."""

from __future__ import annotations

import numpy as np
import pytest
from jiwer import wer

from nodes.tts.hibari import Hibari, HibariEngine, HibariParams, load_hibari
from pipeline.errors import ResourceError, UserInputError
from tests.nodes.tts.listen import WORDS, heard, say, words


@pytest.fixture(scope="module")
def engine() -> HibariEngine:
    return load_hibari(HibariParams())


@pytest.mark.real_model
def test_hibari_speech_is_intelligible() -> None:
    (speech,) = say(Hibari(), WORDS)
    assert wer(" ".join(words(WORDS)), " ".join(heard(speech))) <= 0.1


@pytest.mark.real_model
def test_hibari_phonemes_are_ipa(engine: HibariEngine) -> None:
    """Hibari's own letters, such as A for eɪ, would freeze the mouth."""
    spoken = engine.speak("Today I choose joy, now go.", HibariParams(), 10**8)
    symbols = "".join(phoneme.symbol for phoneme in spoken.phonemes)
    assert not set("AIOQWYʤʧᵊ") & set(symbols)
    assert {"ˈeɪ", "tʃ", "dʒ"} <= {phoneme.symbol for phoneme in spoken.phonemes}
    assert spoken.phonemes[-1].end == len(spoken.samples) * 10**9 // spoken.rate


@pytest.mark.real_model
def test_hibari_vowels_sound_when_the_phonemes_say_so(engine: HibariEngine) -> None:
    """Its durations lag 50 ms behind its sound; uncorrected, the lips would too."""
    spoken = engine.speak("Papa paid Peter to pack a pipe.", HibariParams(), 10**8)
    grid = np.arange(0, len(spoken.samples) - 240, 48)
    loud = np.array([np.abs(spoken.samples[at : at + 240].astype(float)).mean() for at in grid])
    vowel = np.zeros(len(grid))
    for phoneme in spoken.phonemes:
        if set(phoneme.symbol) & set("aæɑəɛɪieʌʊɔ"):
            vowel[(grid >= phoneme.start * 24e-6) & (grid < phoneme.end * 24e-6)] = 1
    fits = {lag: float(np.corrcoef(np.roll(vowel, lag), loud)[0, 1]) for lag in range(-50, 51)}
    # A step is 2 ms.
    best = max(fits.values())
    assert [lag for lag, fit in fits.items() if fit == best and abs(lag) <= 12]


@pytest.mark.real_model
def test_hibari_output_is_deterministic(engine: HibariEngine) -> None:
    """A replay gives the same bytes."""
    one, two = (engine.speak("Once more, please.", HibariParams(), 0) for _ in range(2))
    other = engine.speak("Once more, please.", HibariParams(seed=1), 0)
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, other.samples)


@pytest.mark.real_model
def test_hibari_speaks_long_texts_and_keeps_lone_marks_silent(engine: HibariEngine) -> None:
    """A paragraph is spoken to its end, and a lone full stop is not breathed."""
    assert len(engine.speak("we went on along the river and " * 20, HibariParams(), 0).samples) > 20 * 24_000
    assert len(engine.speak("...", HibariParams(), 0).samples) == 0


@pytest.mark.real_model
def test_hibari_speaks_with_a_model_without_durations(engine: HibariEngine) -> None:
    """Another version may hide them; then the face follows the loudness."""
    spoken = HibariEngine(engine.model, "").sounds
    assert len(spoken) == len(engine.sounds) + 1


def test_hibari_does_not_download_a_missing_voice(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """The package would download it during a conversation."""
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    with pytest.raises(ResourceError, match="emma is missing"):
        load_hibari(HibariParams(voice="emma"))
    with pytest.raises(UserInputError, match="no voice 'emily'"):
        load_hibari(HibariParams(voice="emily"))
