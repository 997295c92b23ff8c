"""Whisper on recorded speech: correct, deterministic and without hallucinations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nodes.asr._hallucinations import Decoded
from nodes.asr._whisper import FULL, RATE, Transcription, Whisper, WhisperParams
from nodes.asr.whisper import WhisperAsr, load_whisper
from nodes.models import path
from nodes.packets import Samples, Transcript, TranscriptUpdate, Utterance, duration_of
from pipeline.errors import ResourceError
from pipeline.params import seconds
from pipeline.testing import root_stamp, run_node
from vitagraph.replay.scenario import word_error_rate

pytestmark = pytest.mark.real_model


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return load_whisper(WhisperParams(threads=1))


def listen(whisper: Whisper, samples: Samples, *, retry: bool = True, **changes: Any) -> Transcription:
    found = whisper.transcribe(samples, WhisperParams(**changes), retry=retry)
    assert found is not None
    return found


def clip(name: str) -> Samples:
    from faster_whisper import decode_audio

    family, _, file = name.partition("/")
    sound: Any = decode_audio(str(path(family) / file))
    samples: Samples = (sound * 32767).astype(np.int16)
    return samples


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
def test_whisper_transcribes_recorded_speech(tiny: Whisper, name: str, words: str) -> None:
    found = listen(tiny, clip(name))
    assert word_error_rate(words, found.text) == 0
    assert found.language == "en" and 0.5 < found.confidence <= 1


def test_whisper_decodes_looping_short_clip_again(tiny: Whisper) -> None:
    """`five five` was transcribed as a hundred fives."""
    assert len(listen(tiny, clip("speech-cards/004.wav"), window=seconds(2.5)).text.split()) <= 3


SECONDS = np.arange(2 * RATE) / RATE
SOUNDS: dict[str, NDArray[Any]] = {
    "silence": np.zeros(2 * RATE),
    "hiss": np.random.default_rng(1).normal(0, 300, 2 * RATE),
    "loud hiss": np.random.default_rng(1).normal(0, 3000, 2 * RATE),
    "hum": 2000 * np.sin(2 * np.pi * 100 * SECONDS),
    "tone": 6000 * np.sin(2 * np.pi * 440 * SECONDS),
    "chord": 2500 * np.sin(np.outer((1646, 2073, 2463), SECONDS)).sum(axis=0) * np.exp(-3 * (SECONDS % 0.5)),
    "melody": 6000 * np.sin(2 * np.pi * np.cumsum(220 * 2 ** (np.floor(4 * SECONDS) % 8 / 6)) / RATE),
    "clicks": np.where(np.arange(2 * RATE) % 4000 < 20, 16_000, 0),
    "nothing": np.zeros(0),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_whisper_gives_no_words_without_speech(tiny: Whisper, kind: str) -> None:
    """Whisper writes `Thank you.` or `beep beep`, which the assistant would answer."""
    samples = SOUNDS[kind].astype(np.int16)
    found = [listen(tiny, samples), listen(tiny, samples, beam=1, retry=False)]
    assert [(each.text, each.confidence) for each in found] == [("", 0.0)] * 2


def test_whisper_word_times_follow_the_speech(tiny: Whisper) -> None:
    samples = clip("speech-audioeval/en/quick_brown_fox.wav")
    words = listen(tiny, samples, words=True).words
    assert [word.text.strip(".,").lower() for word in words][:4] == ["the", "quick", "brown", "fox"]
    starts = [word.start for word in words]
    assert starts == sorted(starts) and all(word.start <= word.end for word in words)
    assert words[-1].end <= duration_of(len(samples), RATE)


class Script:
    """Replaces the decoder by prepared results, and records the parameters of each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *texts: Decoded) -> None:
        self.asked: list[tuple[float, bool]] = []
        self.texts = iter(texts)
        monkeypatch.setattr(Whisper, "decode", lambda _, *args, **options: self.give(*args, **options))

    def give(self, _: Samples, window: float, __: WhisperParams, *, loops: bool = True) -> tuple[Decoded, str, Any]:
        self.asked.append((window, loops))
        return next(self.texts), "en", None


LOOP = Decoded((1, 2, 3) * 9, "five five five", -0.1, 0.0)
GOOD = Decoded((1, 2, 3), "five five", -0.1, 0.0)
TONE = np.full(RATE, 900, np.int16)


def test_whisper_retries_doubtful_text_with_the_full_window(tiny: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, LOOP, GOOD)
    assert listen(tiny, TONE).text == "five five"
    assert script.asked == [(10.0, True), (FULL, True)]


def test_whisper_suppresses_a_loop_in_the_full_window(tiny: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    """faster-whisper would sample at random here, with a different text each time."""
    script = Script(monkeypatch, LOOP, LOOP, GOOD)
    assert listen(tiny, TONE).text == "five five"
    assert script.asked[-1] == (FULL, False)


def test_whisper_marks_doubtful_partial_text(tiny: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no caption, but may tell an interruption from a backchannel."""
    Script(monkeypatch, LOOP)
    found = tiny.transcribe(TONE, WhisperParams(), retry=False)
    assert found is not None and found.doubtful


def test_whisper_keeps_improbable_words_when_a_voice_is_detected(
    tiny: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short answer often has a low probability; the voice detector decides."""
    unsure = Decoded((1, 2), "Hi.", -1.4, 0.9)
    Script(monkeypatch, unsure, unsure)
    assert listen(tiny, clip("speech-audioeval/en/hello_world.wav")).text == "Hi."


def test_whisper_output_is_deterministic(tiny: Whisper) -> None:
    samples = clip("speech-cards/002.wav")
    assert len({listen(tiny, samples) for _ in range(3)}) == 1


@pytest.mark.parametrize("count", [1, 10, 200, 2000])
def test_whisper_gives_no_words_for_a_click(tiny: Whisper, count: int) -> None:
    """A spectrum frame is 400 samples; shorter audio must not fail."""
    assert listen(tiny, np.full(count, 20_000, np.int16)).text == ""


def test_whisper_gives_no_words_for_long_silence(tiny: Whisper) -> None:
    assert listen(tiny, np.random.default_rng(1).normal(0, 300, 31 * RATE).astype(np.int16)).text == ""


def test_whisper_transcribes_audio_longer_than_its_window(tiny: Whisper) -> None:
    """Everything after 30 s would be lost silently."""
    sentence = clip("speech-librivox/sense_and_sensibility_01_austen_64kb-0930.wav")
    pause = np.zeros(RATE, np.int16)
    samples = np.concatenate(
        [*[np.concatenate([sentence, pause])] * 8, clip("speech-audioeval/en/quick_brown_fox.wav")]
    )
    found = listen(tiny, samples, words=True, beam=1)
    assert found.text.rstrip(".").endswith("lazy dog")
    assert found.words[-1].start > 30_000_000_000
    assert 0.5 < found.confidence <= 1


def utterance(samples: Samples, *, whole: bool) -> Utterance:
    return Utterance(root_stamp(0, duration_of(len(samples), RATE)), samples, RATE, whole)


def test_whisper_sends_transcripts_downstream_and_upstream() -> None:
    samples = clip("speech-audioeval/en/hello_world.wav")
    feed = [utterance(samples[:RATE], whole=False), utterance(samples, whole=True)]
    out = run_node(WhisperAsr(threads=1), feed)
    last = out.of(Transcript)[-1]
    assert [transcript.whole for transcript in out.of(Transcript)] == [False, True]
    assert word_error_rate("hello world", last.text) == 0
    assert [(heard.text, heard.whole) for heard in out.of(TranscriptUpdate)][-1] == (last.text, True)


def test_whisper_detects_other_languages() -> None:
    samples = clip("speech-audioeval/fr/bonjour_monde.wav")
    (transcript,) = run_node(WhisperAsr(model="whisper-base", threads=1), [utterance(samples, whole=True)]).of(
        Transcript
    )
    assert transcript.language == "fr"
    assert "monde" in transcript.text.lower()


def test_whisper_load_error_for_broken_model_has_a_hint(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ResourceError, match="cannot be loaded") as caught:
        load_whisper(WhisperParams(model=str(tmp_path)))
    assert "verify" in caught.value.hint


@pytest.fixture(scope="module")
def base() -> Whisper:
    return load_whisper(WhisperParams(model="whisper-base", threads=1))


def test_whisper_chinese_is_in_simplified_script(base: Whisper) -> None:
    """Whisper writes Chinese in either script; captions would change it from turn to turn."""
    found = listen(base, clip("speech-audioeval/zh/nihao_shijie.wav"), model="whisper-base", beam=1, words=True)
    assert (found.text.strip("。"), found.language) == ("你好世界", "zh")
    assert "".join(word.text for word in found.words).startswith("你好世界")
    long = listen(base, clip("speech-audioeval/zh/pangrama.wav"), model="whisper-base", beam=1, language="zh")
    assert not set("陳蘇長張盈") & set(long.text) - set("盈")


def test_whisper_detects_only_the_languages_that_are_allowed(base: Whisper) -> None:
    """An answer in a language that nobody spoke confuses people."""
    sound = clip("speech-audioeval/fr/bonjour_monde.wav")
    assert listen(base, sound, model="whisper-base").language == "fr"
    assert listen(base, sound, model="whisper-base", languages=("en", "zh")).language in ("en", "zh")


def test_whisper_batch_of_two_languages_gives_each_its_own(base: Whisper) -> None:
    """Chinese has a longer prompt than the others, and a batch has prompts of one length."""
    sounds = [clip("speech-audioeval/zh/nihao_shijie.wav"), clip("speech-audioeval/en/hello_world.wav")]
    found = base.transcribe_batch(sounds, WhisperParams(model="whisper-base", beam=1))
    assert [each.language for each in found if each] == ["zh", "en"]
    assert found[1] is not None and found[1].text.startswith("Hello world")
