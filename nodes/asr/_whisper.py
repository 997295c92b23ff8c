"""faster-whisper, with an encoder window as long as the utterance needs.

Whisper pads everything to 30 s, and the encoder's time grows with the window. Here it sees
the utterance and a little silence, 10 s at least: shorter windows loop on short clips
(15 of 32 at 1 s of silence, 4 of 32 at 10 s, 3 of 32 at 30 s, tiny.en). What looks
doubtful goes through the full window. Only public parts of faster-whisper and
CTranslate2 are used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nodes.asr._guards import Decoded, doubtful, most_tokens, nobody_spoke, quiet
from nodes.packets import Samples, Word
from pipeline.packet import SECOND

RATE = 16_000
FRAMES_A_SECOND = 100
SILENCE = 1.5
"""Seconds of silence after the utterance, so that its last word does not look cut off."""
FULL = 30.0
"""Seconds of the window that Whisper was trained with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to decode one utterance."""

    language: str | None
    beam: int
    window: float
    """The least seconds that the encoder sees."""
    no_speech: float
    least_log_probability: float
    words: bool
    retry: bool
    """Whether what looks doubtful is decoded again from a full window."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was said."""

    text: str
    language: str
    confidence: float
    words: tuple[Word, ...] = ()


class Whisper:
    """One loaded model."""

    def __init__(self, folder: str, device: str, compute: str, threads: int) -> None:
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            folder, device=device, compute_type=compute, cpu_threads=threads, local_files_only=True
        )

    def transcribe(self, samples: Samples, settings: Settings) -> Transcription | None:
        """The words of one utterance: int16 samples at 16 kHz, at most 30 s.

        None where a second look would be needed and `settings.retry` says not to take it.
        """
        if quiet(samples):
            return Transcription("", settings.language or "", 0.0)
        seconds = len(samples) / RATE
        least = settings.least_log_probability
        for window in (max(settings.window, seconds + SILENCE), FULL):
            decoded, language, encoded = self._decode(samples, min(window, FULL), settings)
            if window >= FULL or not doubtful(decoded, seconds, least):
                break
            if not settings.retry:
                return None
        if nobody_spoke(decoded, settings.no_speech, least):
            return Transcription("", language, 0.0)
        words = self._words(decoded, encoded, language, seconds) if settings.words else ()
        return Transcription(decoded.text, language, math.exp(min(0.0, decoded.log_probability)), words)

    def _decode(self, samples: Samples, window: float, settings: Settings) -> tuple[Decoded, str, Any]:
        model = self._model
        sound = np.zeros(round(window * RATE), np.float32)
        sound[: len(samples)] = samples[: len(sound)] / np.float32(32768)
        features = model.feature_extractor(sound, padding=0)
        encoded = model.encode(features[:, : round(window * FRAMES_A_SECOND) // 2 * 2])
        language = settings.language or self._language(encoded)
        tokenizer = self._tokenizer(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        result = model.model.generate(
            encoded,
            [prompt],
            beam_size=settings.beam,
            max_length=min(model.max_length, len(prompt) + most_tokens(len(samples) / RATE)),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = tuple(result.sequences_ids[0])
        text = tokenizer.decode(list(tokens)).strip()
        return Decoded(tokens, text, result.scores[0], result.no_speech_prob), language, encoded

    def _language(self, encoded: Any) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        token, _ = self._model.model.detect_language(encoded)[0][0]
        return str(token).strip("<|>")

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        multilingual = self._model.model.is_multilingual
        return Tokenizer(
            self._model.hf_tokenizer, multilingual, task="transcribe", language=language if multilingual else "en"
        )

    def _words(self, decoded: Decoded, encoded: Any, language: str, seconds: float) -> tuple[Word, ...]:
        if not decoded.tokens:
            return ()
        frames = math.ceil(seconds * FRAMES_A_SECOND)
        found = self._model.find_alignment(self._tokenizer(language), [list(decoded.tokens)], encoded, frames)[0]
        return tuple(
            Word(each["word"].strip(), round(each["start"] * SECOND), round(each["end"] * SECOND))
            for each in found
            if each["word"].strip() and not each["word"].startswith("<|")
        )
