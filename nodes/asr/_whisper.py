"""faster-whisper, with an encoder window as long as the utterance needs.

Whisper pads everything to 30 s, and the encoder's time grows with the window. Here it sees
the utterance and a little silence, 10 s at least: shorter windows loop on short clips.
What looks doubtful goes through the full window (about one clip in ten). Only public parts
of faster-whisper and CTranslate2 are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodes.asr._hallucinations import Decoded, doubtful, maybe_unsaid, most_tokens, overflows, quiet
from nodes.packets import Samples, Word
from pipeline.compute.job import stopped
from pipeline.packet import SECOND

RATE = 16_000
FRAMES_A_SECOND = 100
SILENCE = 1.5
"""Seconds of silence after the utterance, so that its last word does not look cut off."""
FULL = 30.0
"""Seconds of the window that Whisper was trained with."""
VOICED_MS = 100
"""Milliseconds of voice that make it likely that somebody spoke; notes of a melody stay below."""
PAUSE_MS = 300
"""Milliseconds of silence between two ranges of voice."""
LONGEST = 28.0
"""Seconds of the longest piece that a longer utterance is cut into."""
VOICE = 0.3
"""Probability from which the voice detector is believed: low, for losing words is worse than making them up."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
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

    def transcribe(self, samples: Samples, settings: DecodingOptions) -> Transcription | None:
        """The words of one utterance: int16 samples at 16 kHz.

        None where a second look would be needed and `settings.retry` says not to take it, or
        nobody wants to know any more.
        """
        if quiet(samples):
            return Transcription("", settings.language or "", 0.0)
        if len(samples) / RATE > FULL:
            return self._long(samples, settings)
        window = window_for(samples, settings)
        return self._judged(samples, window, settings, *self._decode(samples, window, settings))

    def transcribe_all(self, heard: Sequence[Samples], settings: DecodingOptions) -> list[Transcription | None]:
        """The same for several that need the same window (`window_for`), decoded together."""
        window = window_for(heard[0], settings)
        together = [] if settings.words else [n for n, each in enumerate(heard) if _fits(each)]
        if len(together) < 2:
            return [self.transcribe(each, settings) for each in heard]
        decoded, encoded = self._decode_all([heard[n] for n in together], window, settings)
        found = dict(zip(together, decoded, strict=True))
        return [
            self._judged(each, window, settings, *found[n], encoded) if n in found else self.transcribe(each, settings)
            for n, each in enumerate(heard)
        ]

    def _judged(
        self, samples: Samples, window: float, settings: DecodingOptions, decoded: Decoded, language: str, encoded: Any
    ) -> Transcription | None:
        """What was decoded, after a second look where it is doubtful."""
        seconds, least = len(samples) / RATE, settings.least_log_probability
        if maybe_unsaid(decoded, settings.no_speech, least) and not voiced(samples):
            return Transcription("", language, 0.0)
        if window < FULL and doubtful(decoded, seconds, least):
            if not settings.retry or stopped():
                return None
            decoded, language, encoded = self._decode(samples, FULL, settings)
        if overflows(decoded, seconds):
            decoded, language, encoded = self._decode(samples, FULL, settings, loops=False)
        words = self._words(decoded, encoded, language, seconds) if settings.words else ()
        return Transcription(decoded.text, language, math.exp(min(0.0, decoded.log_probability)), words)

    def _decode(
        self, samples: Samples, window: float, settings: DecodingOptions, *, loops: bool = True
    ) -> tuple[Decoded, str, Any]:
        (found,), encoded = self._decode_all([samples], window, settings, loops=loops)
        return *found, encoded

    def _decode_all(
        self, heard: Sequence[Samples], window: float, settings: DecodingOptions, *, loops: bool = True
    ) -> tuple[list[tuple[Decoded, str]], Any]:
        """What was said and in which language, of each; and what the encoder made of all."""
        model, frames = self._model, round(window * FRAMES_A_SECOND) // 2 * 2
        encoded = model.encode(np.stack([self._features(each, frames) for each in heard]))
        languages = [settings.language] * len(heard) if settings.language else self._languages(encoded)
        tokenizers = [self._tokenizer(language) for language in languages]
        prompts = [[*tokenizer.sot_sequence, tokenizer.no_timestamps] for tokenizer in tokenizers]
        results = model.model.generate(
            encoded,
            prompts,
            beam_size=settings.beam,
            max_length=min(model.max_length, len(prompts[0]) + most_tokens(max(map(len, heard)) / RATE)),
            no_repeat_ngram_size=0 if loops else 3,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            (_decoded(tokenizer, result), language)
            for tokenizer, result, language in zip(tokenizers, results, languages, strict=True)
        ], encoded

    def _features(self, samples: Samples, frames: int) -> NDArray[np.float32]:
        # Padded with zeros after the logarithm, as faster-whisper does: silence that is padded before it
        # takes the level of the loudest sound, and tiny.en then mishears twice as many words.
        heard = self._model.feature_extractor(_sound(samples))[:, :frames]
        return np.pad(heard, ((0, 0), (0, frames - heard.shape[-1])))

    def _long(self, samples: Samples, settings: DecodingOptions) -> Transcription | None:
        """More than a window holds: piece by piece, each cut where nobody speaks if possible."""
        found: list[Transcription] = []
        words: list[Word] = []
        for start, end in _pieces(voiced(samples)):
            piece = None if stopped() else self.transcribe(samples[start:end], settings)
            if piece is None:
                return None
            offset = start * SECOND // RATE
            words += [Word(word.text, word.start + offset, word.end + offset) for word in piece.words]
            found.append(piece)
        if not found:
            return Transcription("", settings.language or "", 0.0)
        confidence = sum(piece.confidence for piece in found) / len(found)
        return Transcription(" ".join(piece.text for piece in found), found[0].language, confidence, tuple(words))

    def _languages(self, encoded: Any) -> list[str]:
        """The likeliest of each."""
        if not self._model.model.is_multilingual:
            return ["en"] * encoded.shape[0]
        return [str(likeliest[0][0]).strip("<|>") for likeliest in self._model.model.detect_language(encoded)]

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


def window_for(samples: Samples, settings: DecodingOptions) -> float:
    """Seconds that the encoder sees of an utterance."""
    return min(FULL, max(settings.window, len(samples) / RATE + SILENCE))


def voiced(samples: Samples) -> list[tuple[int, int]]:
    """Where the voice detector that comes with faster-whisper hears somebody, as ranges of samples."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=VOICE,
        min_speech_duration_ms=VOICED_MS,
        min_silence_duration_ms=PAUSE_MS,
        max_speech_duration_s=LONGEST,
    )
    return [(span["start"], span["end"]) for span in get_speech_timestamps(_sound(samples), options)]


def _fits(samples: Samples) -> bool:
    """Whether it is decoded at all, and in one piece."""
    return not quiet(samples) and len(samples) / RATE <= FULL


def _decoded(tokenizer: Any, result: Any) -> Decoded:
    tokens = tuple(result.sequences_ids[0])
    return Decoded(tokens, tokenizer.decode(list(tokens)).strip(), result.scores[0], result.no_speech_prob)


def _pieces(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring ranges joined, as many as a window holds."""
    pieces: list[tuple[int, int]] = []
    for start, end in spans:
        if pieces and end - pieces[-1][0] <= LONGEST * RATE:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    return pieces


def _sound(samples: Samples) -> NDArray[np.float32]:
    sound: NDArray[np.float32] = samples.astype(np.float32)
    sound /= 32768
    return sound
