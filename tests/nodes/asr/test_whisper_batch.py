"""Whisper: a batch gives the same transcripts as single calls."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from nodes.asr._whisper import RATE, Transcription, Whisper, WhisperParams, window_for
from nodes.asr.whisper import load_whisper, transcribe_together
from nodes.models import path
from nodes.packets import Samples
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pool
from pipeline.compute.scheduler import Scheduler
from pipeline.runtime.virtual import run_virtual

pytestmark = pytest.mark.real_model

CLIPS = (
    "speech-audioeval/en/hello_world.wav",
    "speech-audioeval/en/quick_brown_fox.wav",
    "speech-cards/004.wav",
    "speech-librivox/sense_and_sensibility_01_austen_64kb-0930.wav",
)


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return load_whisper(WhisperParams(threads=1))


def clip(name: str) -> Samples:
    from faster_whisper import decode_audio

    family, _, file = name.partition("/")
    sound: Any = decode_audio(str(path(family) / file))
    samples: Samples = (sound * 32767).astype(np.int16)
    return samples


def sounds() -> list[Samples]:
    """Speech, silence, and a hum that Whisper takes for words."""
    hum = 2000 * np.sin(2 * np.pi * 100 * np.arange(2 * RATE) / RATE)
    return [*map(clip, CLIPS), np.zeros(RATE, np.int16), hum.astype(np.int16)]


@pytest.mark.parametrize(("changes", "retry"), [({}, True), ({"beam": 1}, False), ({"words": True}, True)], ids=str)
def test_whisper_batch_gives_each_call_its_own_transcript(tiny: Whisper, changes: dict[str, Any], retry: bool) -> None:
    """The transcript of a call must not depend on other calls; one that is doubtful is no transcript, but a hint."""
    heard, how = sounds(), WhisperParams(**changes)
    assert len({window_for(each, how) for each in heard}) == 1
    alone = [tiny.transcribe(each, how, retry=retry) for each in heard]
    together = tiny.transcribe_batch(heard, how, retry=retry)
    assert [each and each.doubtful for each in together] == [each and each.doubtful for each in alone]
    pairs = zip(together, alone, strict=True)
    assert all(one == other for one, other in pairs if not (other and other.doubtful))


def test_whisper_batch_detects_language_per_utterance() -> None:
    """Two callers may speak different languages."""
    base = load_whisper(WhisperParams(model="whisper-base", threads=1))
    heard = [clip("speech-audioeval/fr/bonjour_monde.wav"), clip("speech-audioeval/en/hello_world.wav")]
    french, english = base.transcribe_batch(heard, WhisperParams())
    assert french is not None and english is not None
    assert (french.language, english.language) == ("fr", "en")
    assert "monde" in french.text.lower() and "world" in english.text.lower()


def test_whisper_batch_transcribes_utterance_longer_than_the_window(tiny: Whisper) -> None:
    """It does not fit into the window of the others."""
    sentence = clip(CLIPS[3])
    long = np.concatenate([np.concatenate([sentence, np.zeros(RATE, np.int16)])] * 8)
    assert len(long) > 30 * RATE
    how = WhisperParams(beam=1)
    found = tiny.transcribe_batch([long, long], how)
    assert found == [tiny.transcribe(long, how)] * 2


def test_whisper_batch_merges_calls_waiting_at_the_same_time(tiny: Whisper) -> None:
    executor, how, hello = Executor(1), WhisperParams(), clip(CLIPS[0])

    async def main() -> tuple[list[Transcription | None], int]:
        pool = Pool(tiny, Scheduler(executor))
        batch_key = how, window_for(hello, how)
        asked = [pool.batch(transcribe_together, (hello, how, True), batch_key=batch_key) for _ in range(4)]
        return list(await asyncio.gather(*asked)), pool.statistics().joined

    found, joined = run_virtual(main())
    executor.shutdown(wait=True)
    assert joined == 2
    assert [each.text.lower() for each in found if each] == ["hello world."] * 4
