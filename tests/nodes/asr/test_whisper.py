"""Whisper on recorded speech: right words, no made-up ones, the same each time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.asr import _whisper
from nodes.asr._guards import Decoded
from nodes.asr._whisper import RATE, Settings, Transcription, Whisper
from nodes.asr.whisper import WhisperAsr, WhisperParams, load_whisper
from nodes.models import path
from nodes.packets import Heard, Samples, Transcript, Utterance, duration_of
from pipeline.errors import ResourceError
from pipeline.testing import root_stamp, run_node
from vitagraph.replay.words import word_error_rate

pytestmark = pytest.mark.real_model


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return load_whisper(WhisperParams(threads=1))


def listen(whisper: Whisper, samples: Samples, **changes: Any) -> Transcription:
    found = whisper.transcribe(samples, settings(**changes))
    assert found is not None
    return found


def clip(name: str) -> Samples:
    from faster_whisper import decode_audio

    family, _, file = name.partition("/")
    sound: Any = decode_audio(str(path(family) / file))
    samples: Samples = (sound * 32767).astype(np.int16)
    return samples


def settings(**changes: Any) -> Settings:
    return dataclasses.replace(WhisperAsr().settings(whole=True), **changes)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("speech-audioeval/en/hello_world.wav", "hello world"),
        ("speech-audioeval/en/quick_brown_fox.wav", "the quick brown fox jumps over the lazy dog"),
        (
            "speech-librivox/sense_and_sensibility_01_austen_64kb-0930.wav",
            "he might even have been made amiable himself",
        ),
    ],
)
def test_hears_what_was_said(tiny: Whisper, name: str, words: str) -> None:
    found = listen(tiny, clip(name))
    assert word_error_rate(words, found.text) == 0
    assert found.language == "en" and 0.5 < found.confidence <= 1


def test_short_clip_that_loops_is_decoded_again(tiny: Whisper) -> None:
    """`five five` came out as a hundred fives."""
    assert len(listen(tiny, clip("speech-cards/004.wav"), window=2.5).text.split()) <= 3


@pytest.mark.parametrize("kind", ["silence", "hiss", "hum", "nothing"])
def test_no_words_where_nobody_speaks(tiny: Whisper, kind: str) -> None:
    random = np.random.default_rng(1)
    time = np.arange(2 * RATE) / RATE
    sounds = {
        "silence": np.zeros(2 * RATE),
        "hiss": random.normal(0, 300, 2 * RATE),
        "hum": 2000 * np.sin(2 * np.pi * 100 * time),
        "nothing": np.zeros(0),
    }
    assert listen(tiny, sounds[kind].astype(np.int16)).text == ""


def test_word_times_follow_the_speech(tiny: Whisper) -> None:
    samples = clip("speech-audioeval/en/quick_brown_fox.wav")
    words = listen(tiny, samples, words=True).words
    assert [word.text.strip(".,").lower() for word in words][:4] == ["the", "quick", "brown", "fox"]
    starts = [word.start for word in words]
    assert starts == sorted(starts) and all(word.start <= word.end for word in words)
    assert words[-1].end <= duration_of(len(samples), RATE)


def test_doubtful_text_gets_the_full_window(tiny: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    windows: list[float] = []

    def scripted(_: Whisper, __: Samples, window: float, ___: Settings) -> tuple[Decoded, str, Any]:
        windows.append(window)
        tokens = (1, 2, 3) * 9 if window < _whisper.FULL else (1, 2, 3)
        return Decoded(tokens, "five five", -0.1, 0.0), "en", None

    monkeypatch.setattr(Whisper, "_decode", scripted)
    assert listen(tiny, np.full(RATE, 900, np.int16)).text == "five five"
    assert windows == [10.0, 30.0]


def test_doubtful_partial_text_is_left_out(tiny: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    looped = Decoded((1, 2, 3) * 9, "five five", -0.1, 0.0)
    monkeypatch.setattr(Whisper, "_decode", lambda *_: (looped, "en", None))
    assert tiny.transcribe(np.full(RATE, 900, np.int16), settings(retry=False)) is None


def utterance(samples: Samples, *, whole: bool) -> Utterance:
    return Utterance(root_stamp(0, duration_of(len(samples), RATE)), samples, RATE, whole)


def test_words_go_downstream_and_upstream() -> None:
    samples = clip("speech-audioeval/en/hello_world.wav")
    feed = [utterance(samples[: RATE // 2], whole=False), utterance(samples, whole=True)]
    out = run_node(WhisperAsr(threads=1), feed)
    last = out.of(Transcript)[-1]
    assert [transcript.whole for transcript in out.of(Transcript)] == [False, True]
    assert word_error_rate("hello world", last.text) == 0
    assert [(heard.text, heard.whole) for heard in out.of(Heard)][-1] == (last.text, True)


def test_other_languages_are_detected() -> None:
    samples = clip("speech-audioeval/fr/bonjour_monde.wav")
    (transcript,) = run_node(WhisperAsr(model="whisper-base", threads=1), [utterance(samples, whole=True)]).of(
        Transcript
    )
    assert transcript.language == "fr"
    assert "monde" in transcript.text.lower()


def test_broken_model_says_what_to_do(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ResourceError, match="cannot be loaded") as caught:
        load_whisper(WhisperParams(model=str(tmp_path)))
    assert "verify" in caught.value.hint
