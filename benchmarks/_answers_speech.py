"""Speaks the questions of a conversation into one recording, with room for the answers."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from benchmarks.spoken import Kokoro
from nodes.packets import Samples
from nodes.tts.kokoro import KokoroParams
from nodes.tts.piper import PiperParams, load_piper
from pipeline.packet import SECOND
from tests.nodes.text.spoken_table import said

RATE = 16_000
LEAD = 1.0
"""Seconds of silence before the first question."""
TAIL = 3.0
"""Seconds after the last: its answer may go on after the recording."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, and the nanoseconds at which its questions begin."""

    file: Path
    starts: tuple[int, ...]

    def place(self, at: int) -> int:
        """The number of the question that was the last to begin before this time."""
        return max(0, sum(start <= at for start in self.starts) - 1)


class Speaker:
    """A voice that asks: `piper`, or the name of a Kokoro voice."""

    def __init__(self, voice: str, language: str) -> None:
        self.language = language
        self.params: Any
        self.engine: Any
        if voice == "piper":
            self.params = PiperParams()
            self.engine = load_piper(self.params)
        else:
            self.params = KokoroParams(voice=voice)
            self.engine = Kokoro(self.params, language)

    def speech(self, text: str) -> Samples:
        """A question at 16 kHz."""
        parts = [self._sentence(sentence) for sentence in said([text], self.language)]
        return np.concatenate(parts)

    def _sentence(self, text: str) -> Samples:
        spoken = self.engine.speak(text, self.params, 0)
        sound: Samples = soxr.resample(spoken.samples, spoken.rate, RATE)
        return sound

    def record(self, questions: list[str], room: float, file: Path) -> Recording:
        """Writes the questions one after the other, with `room` seconds of silence after each but the last."""
        parts, starts, length = [_silence(LEAD)], [], round(LEAD * RATE)
        for number, question in enumerate(questions, 1):
            sound = self.speech(question)
            silence = _silence(TAIL if number == len(questions) else room)
            starts.append(length * SECOND // RATE)
            parts += [sound, silence]
            length += len(sound) + len(silence)
        with wave.open(str(file), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes(np.concatenate(parts).tobytes())
        return Recording(file, tuple(starts))


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)
