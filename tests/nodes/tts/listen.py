"""Speaks a text with a voice and transcribes the result."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import soxr

from nodes import models
from nodes.packets import Sentence, Speech
from nodes.tts._service import TtsService
from pipeline.testing import root_stamp, run_node

WORDS = "Please bring five heavy boxes to the museum before the rain begins."
"""Words that a small recogniser knows, with every kind of closure in them."""


def say(voice: TtsService[Any], *texts: str) -> list[Speech]:
    """The speeches of some sentences."""
    out = run_node(voice, [Sentence(root_stamp(), text, last=text is texts[-1]) for text in texts])
    assert out.errors == []
    return out.of(Speech)


def heard(speech: Speech) -> list[str]:
    """The words that Whisper recognises in an English speech."""
    return words(_transcribed(speech, "whisper-tiny.en", "en"))


def heard_in(speech: Speech, language: str) -> str:
    """What Whisper recognises in a speech of any language."""
    return _transcribed(speech, "whisper-base", language)


def characters(text: str) -> str:
    """Chinese text in simplified script, without punctuation and spaces."""
    from opencc import OpenCC

    return re.sub(r"[\W_]+", "", str(OpenCC("t2s").convert(text)))


def _transcribed(speech: Speech, model: str, language: str) -> str:
    samples = soxr.resample(speech.samples.astype(np.float32) / 32768, speech.rate, 16_000)
    segments, _ = _listener(model).transcribe(samples, language=language, beam_size=5)
    return " ".join(segment.text for segment in segments).strip()


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation, with digits spelled out."""
    return re.findall(r"[a-z']+", text.lower().replace("5", "five"))


@cache
def _listener(model: str) -> Any:
    from faster_whisper import WhisperModel, transcribe

    transcribe.tqdm.monitor_interval = 0  # its progress bar would leave a thread behind
    return WhisperModel(str(models.path(model)), device="cpu", compute_type="int8", cpu_threads=1)
