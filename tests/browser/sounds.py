"""Sounds of the browser tests: microphones made from recordings, and what was heard."""

from __future__ import annotations

import base64
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from nodes.models import path

RATE = 48_000
Floats = NDArray[np.float64]
Sound = NDArray[np.int16]


def clip(name: str) -> Sound:
    """A recording of the catalogue (`speech-cards/001.wav`) at 48 kHz, without the silence around it."""
    from faster_whisper import decode_audio

    entry, _, file = name.partition("/")
    samples: Any = decode_audio(str(path(entry) / file), sampling_rate=RATE)
    sound = (samples / np.abs(samples).max() * 16_000).astype(np.int16)
    loud = np.flatnonzero(levels(sound) > -40)
    voice: Sound = sound[loud[0] * STEP : (loud[-1] + 1) * STEP]
    return voice


def microphone(file: Path, parts: Sequence[tuple[float, Sound]], seconds: float) -> Path:
    """Writes a WAV in which each part begins at its second; the rest is silence. It begins when it is opened."""
    sound = np.zeros(round(seconds * RATE), np.int16)
    for begin, part in parts:
        start = round(begin * RATE)
        sound[start : start + part.size] = part
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.tobytes())
    return file


STEP = RATE // 200
"""Samples of one level: 5 ms."""


def levels(sound: Sound) -> Floats:
    """How loud each 5 ms are, in dB of full scale."""
    whole = sound[: sound.size - sound.size % STEP].astype(np.float64).reshape(-1, STEP)
    decibels: Floats = 20 * np.log10(np.sqrt(np.mean(whole**2, axis=1)) / 32_768 + 1e-9)
    return decibels


def onsets(sound: Sound, *, above: int = 1_500, quiet: int = RATE // 20) -> NDArray[np.intp]:
    """The samples at which it becomes louder than `above` after at least `quiet` samples below it."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > above)
    first: NDArray[np.intp] = loud[np.diff(loud, prepend=-quiet - 1) > quiet]
    return first


@dataclass(frozen=True)
class Recording:
    """What the probe recorded of one sound."""

    samples: Sound
    starts: Floats
    """Where each block begins, in samples."""
    arrivals: Floats
    """When it arrived, in milliseconds since 1970."""

    @classmethod
    def of(cls, told: dict[str, Any]) -> Recording:
        """From what the page tells."""
        samples = np.frombuffer(base64.b64decode(told["samples"]), np.int16)
        return cls(samples, np.array(told["starts"], float), np.array(told["arrivals"], float))

    def time_of(self, sample: int) -> float:
        """When a sample was there, in milliseconds since 1970.

        A busy page is told of a block late, never early: of all blocks within two seconds the soonest counts.
        """
        near = np.abs(self.starts - sample) < 2 * RATE
        return float(np.min(self.arrivals[near] - self.starts[near] * 1_000 / RATE) + sample * 1_000 / RATE)

    def save(self, file: Path) -> None:
        """Writes a WAV."""
        microphone(file, [(0, self.samples)], self.samples.size / RATE)


@cache
def _whisper(model: str) -> Any:
    from faster_whisper import WhisperModel, transcribe

    transcribe.tqdm.monitor_interval = 0  # else its progress bars, which nobody sees, start a thread
    return WhisperModel(str(path(model)), device="cpu", compute_type="int8", cpu_threads=2)


def transcribe(sound: Sound, language: str = "en") -> str:
    """The words in it."""
    samples = soxr.resample(sound.astype(np.float32) / 32_768, RATE, 16_000)
    model = _whisper("whisper-tiny.en" if language == "en" else "whisper-base")
    segments, _ = model.transcribe(samples, language=language, beam_size=1, vad_filter=True)
    return " ".join(segment.text.strip() for segment in segments)
