"""`tts.piper`: intelligible, in time and deterministic."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jiwer import wer

from nodes import models
from nodes.tts.piper import Piper, PiperEngine, PiperParams, load_piper, split_symbols, voice_file
from pipeline.errors import DependencyError, ResourceError, UserInputError
from tests.nodes.tts.listen import WORDS, heard, say, words


@pytest.fixture(scope="module")
def engine() -> PiperEngine:
    return load_piper(PiperParams())


def stub(lengths: Any = None, **config: Any) -> PiperEngine:
    """An engine whose model gives 100 samples for every id."""
    described = {
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "ˈ": [3], "a": [4], "b": [5], "x": [4, 5]},
        "speaker_id_map": {"anna": 1},
        "num_speakers": 2,
        "length_scale": 1.0,
        "sample_rate": 1000,
    }
    return PiperEngine(SimpleNamespace(config=SimpleNamespace(**(described | config))))  # type: ignore[arg-type]


def test_piper_pad_belongs_to_the_phoneme_that_follows() -> None:
    """Otherwise the lips are 40 ms late."""
    aligned = list(stub().align([1, 0, 4, 0, 9, 0, 2], [1, 2, 3, 4, 5, 6, 7]))
    assert aligned == [(" ", 1), ("a", 5), (" ", 9), (" ", 13)]


def test_piper_unknown_speaker_error_lists_alternatives() -> None:
    engine = stub()
    assert (engine.speaker_id(None), engine.speaker_id(0), engine.speaker_id("anna")) == (None, 0, 1)
    for wrong in ("berta", 2, -1):
        with pytest.raises(UserInputError, match="no speaker") as caught:
            engine.speaker_id(wrong)
        assert "0 to 1" in caught.value.hint
        assert "anna" in caught.value.hint


def test_piper_long_texts_are_cut_between_words() -> None:
    """Memory grows quadratically: a very long sentence must not end the process."""
    text = list("abcd " * 60 + "efg, " + "abcd " * 60 + "x" * 600 + " .")
    parts = list(split_symbols(text))
    assert max(map(len, parts)) <= 250
    assert parts[0][-1] == " "
    assert sum(map(len, parts)) >= len(text) - 2
    assert parts[1][-1] in " ,"
    assert list(split_symbols(["."])) == []


def test_piper_missing_voice_error_has_a_hint(tmp_path: Path) -> None:
    """The most common error on a new machine."""
    with pytest.raises(ResourceError, match=r"no model"):
        voice_file(str(tmp_path / "nobody.onnx"))
    with pytest.raises(ResourceError, match="not a single Piper voice"):
        voice_file(str(tmp_path))
    (tmp_path / "lone.onnx").write_bytes(b"")
    with pytest.raises(ResourceError, match=r"lone\.onnx\.json"):
        load_piper(PiperParams(voice=str(tmp_path / "lone.onnx")))


def test_piper_refuses_a_voice_that_would_use_the_network(tmp_path: Path) -> None:
    """Nothing is downloaded during a conversation."""
    described = {
        "num_symbols": 1,
        "num_speakers": 1,
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "cmn"},
        "phoneme_id_map": {},
        "phoneme_type": "pinyin",
    }
    (tmp_path / "zh.onnx").write_bytes(b"")
    (tmp_path / "zh.onnx.json").write_text(json.dumps(described))
    with pytest.raises(ResourceError, match="network"):
        load_piper(PiperParams(voice=str(tmp_path / "zh.onnx")))


@pytest.mark.real_model
def test_piper_missing_gpu_is_reported_at_start() -> None:
    """Not as a crash in the first answer."""
    with pytest.raises(DependencyError, match="GPU"):
        load_piper(PiperParams(device="cuda"))


@pytest.mark.real_model
def test_piper_speech_is_intelligible() -> None:
    speech, short = say(Piper(), WORDS, "Yes.")
    assert wer(" ".join(words(WORDS)), " ".join(heard(speech))) <= 0.1
    assert heard(short) == ["yes"]
    assert short.at.pts == speech.at.pts + speech.at.duration
    assert (speech.last, short.last) == (False, True)


@pytest.mark.real_model
def test_piper_phonemes_sum_to_the_sound_at_every_speed(engine: PiperEngine) -> None:
    for speed in (0.8, 1.0, 1.5):
        spoken = engine.speak("Hello there, you.", PiperParams(speed=speed), 10**8)
        assert spoken.phonemes[0].start == 0
        assert spoken.phonemes[-1].end == len(spoken.samples) * 10**9 // spoken.rate
        assert all(a.end == b.start for a, b in pairwise(spoken.phonemes))
        assert {"h", "l", "ð", "j"} <= {phoneme.symbol for phoneme in spoken.phonemes}


@pytest.mark.real_model
def test_piper_output_is_deterministic(engine: PiperEngine) -> None:
    """Whatever was spoken before, and in another process too."""
    first = engine.speak("Once more, please.", PiperParams(), 0)
    engine.speak("Something else.", PiperParams(), 0)
    again = engine.speak("Once more, please.", PiperParams(), 0)
    fresh = load_piper(PiperParams()).speak("Once more, please.", PiperParams(), 0)
    other = load_piper(PiperParams(seed=1)).speak("Once more, please.", PiperParams(), 0)
    assert np.array_equal(first.samples, again.samples)
    assert np.array_equal(first.samples, fresh.samples)
    assert not np.array_equal(first.samples, other.samples)


@pytest.mark.real_model
def test_piper_speaks_a_long_sentence_to_its_end() -> None:
    """A paragraph without a full stop is one speech."""
    (speech,) = say(Piper(), "we went on along the river and " * 20)
    assert "".join(phoneme.symbol for phoneme in speech.phonemes).count("ɹˈɪvɚ") == 20
    assert speech.at.duration > 20 * 10**9


@pytest.mark.real_model
def test_piper_lone_marks_are_silent(engine: PiperEngine) -> None:
    """A lone full stop is not breathed; text that looks like phonemes is read as text."""
    assert len(engine.speak("...", PiperParams(), 0).samples) == 0
    assert "z" not in [phoneme.symbol for phoneme in engine.speak("[[ z ]] Hello", PiperParams(), 0).phonemes[:1]]


@pytest.mark.real_model
def test_piper_default_voice_is_in_the_catalogue() -> None:
    assert voice_file("piper-joe").parent == models.path("piper-joe")
