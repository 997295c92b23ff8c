"""What Whisper hears of 40 lines of the table of spoken readings, by each voice that is here.

    .venv/bin/python -m benchmarks.spoken [--model whisper-base] [--lines 40] [--voices piper,hibari,espeak,kokoro]

The lines are English sentences of tests/data/spoken/en.tsv, spread over its kinds. Each is prepared as for a
caller, spoken, and transcribed. The transcript is written out by the same rules, because Whisper writes
`$20` for what it hears as words; then its words are compared with the accepted reading that is nearest. So
a misreading such as "thirty seconds" for `30s` counts as errors, and so does what the voice or Whisper
garbles.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import Any

import jiwer
import numpy as np
import soxr

from nodes.asr._whisper import WhisperParams
from nodes.asr.whisper import load_whisper
from nodes.models import pull
from nodes.packets import Samples
from nodes.text._speakable import speakable
from nodes.tts._sound import SynthesizedSpeech
from nodes.tts.espeak import EspeakParams, load_espeak
from nodes.tts.hibari import HibariParams, load_hibari
from nodes.tts.kokoro import KokoroParams, load_kokoro
from nodes.tts.piper import PiperParams, load_piper
from tests.nodes.text.spoken_table import Case, cases, heard, said


class Kokoro:
    """The engine of `tts.kokoro` with one language, by default that of its voice."""

    def __init__(self, params: KokoroParams, language: str = "") -> None:
        self._engine, self._language = load_kokoro(params), language or params.language()

    def speak(self, text: str, params: KokoroParams, tail: int) -> SynthesizedSpeech:
        """Synthesises a text."""
        return self._engine.speak(text, self._language, params, tail)


VOICES: Mapping[str, tuple[Any, Any]] = {
    "piper": (load_piper, PiperParams),
    "hibari": (load_hibari, HibariParams),
    "espeak": (load_espeak, EspeakParams),
    "kokoro": (Kokoro, KokoroParams),
}
MODEL_RATE = 16_000
_WORDS = 5
"""Least words of a line: Whisper guesses at less."""
_LEFT_OUT = frozenset({"plain", "sentences", "latex", "script", "angle", "citation", "web", "power"})
"""Kinds that say nothing of numbers, or words that Whisper does not know."""


def lines(number: int) -> list[Case]:
    """Sentences of the English table, taken evenly from its kinds."""
    by_kind: dict[str, list[Case]] = {}
    for case in cases("en"):
        if case.kind not in _LEFT_OUT and len(case.readings[0].split()) >= _WORDS:
            by_kind.setdefault(case.kind, []).append(case)
    chosen: list[Case] = []
    for place in range(max(map(len, by_kind.values()))):
        chosen.extend(rows[place] for rows in by_kind.values() if place < len(rows))
    return chosen[:number]


class Judge:
    """Speaks, listens and compares."""

    def __init__(self, model: str) -> None:
        self.params = WhisperParams(model=model, language="en")
        self.whisper = load_whisper(self.params)

    def errors(self, case: Case, speech: Iterable[SynthesizedSpeech]) -> tuple[float, str]:
        """The word error rate of what is heard of a line, and the words."""
        sound = np.concatenate([self._resampled(each) for each in speech])
        result = self.whisper.transcribe(sound, self.params)
        words = heard(speakable(result.text if result else ""))
        readings = [heard(reading.replace("||", " ")) for reading in case.readings]
        return min(jiwer.wer(reading, words) for reading in readings), words

    def _resampled(self, speech: SynthesizedSpeech) -> Samples:
        sound: Samples = soxr.resample(speech.samples, speech.rate, MODEL_RATE)
        return sound


def spoken(voice: str, table: list[Case], judge: Judge) -> list[tuple[Case, float, str]]:
    """Each line with its word error rate and the words heard."""
    load, params_of = VOICES[voice]
    params = params_of()
    engine = load(params)
    rows = []
    for case in table:
        speech = [engine.speak(sentence, params, 0) for sentence in said([case.written], "en")]
        rows.append((case, *judge.errors(case, speech)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--voices", default=",".join(VOICES))
    parser.add_argument("--json", action="store_true", help="print only the figures")
    arguments = parser.parse_args()
    pull(arguments.model)
    judge, table = Judge(arguments.model), lines(arguments.lines)
    figures = {}
    for voice in arguments.voices.split(","):
        rows = spoken(voice, table, judge)
        figures[voice] = {
            "lines": len(rows),
            "without_error": sum(rate == 0 for _, rate, _ in rows),
            "word_error_rate": sum(rate for _, rate, _ in rows) / len(rows),
        }
        for case, rate, words in [] if arguments.json else rows:
            if rate:
                print(f"{voice:8} {rate:5.0%}  {case.written!r}: {words}")
    print(json.dumps(figures, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
