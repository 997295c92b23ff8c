"""faster-whisper with an encoder window sized to the utterance.

Whisper pads all input to 30 s, and encoder time grows with the window. Here the window is
the utterance plus a little silence, and at least 10 s: with shorter windows Whisper loops on
short clips. A doubtful result is decoded again with the full window (about one clip in ten).
Only public APIs of faster-whisper and CTranslate2 are used.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nodes.asr._hallucinations import Decoded, exceeds_token_limit, is_doubtful, is_silent, may_be_silence, token_limit
from nodes.packets import Samples, Word
from pipeline.compute.job import stopped
from pipeline.packet import SECOND
from pipeline.params import Duration, Params, seconds

RATE = 16_000
FRAMES_A_SECOND = 100
SILENCE = 1.5
"""Seconds of silence appended to the utterance, so that its last word does not look cut off."""
FULL = 30.0
"""Seconds; the window that Whisper was trained with."""
VOICED_MS = 100
"""Milliseconds of voice that count as speech; the notes of a melody are shorter."""
PAUSE_MS = 300
"""Milliseconds of silence that separate two ranges of voice."""
LONGEST = 28.0
"""Seconds; a longer utterance is cut into pieces of at most this length."""
VOICE = 0.3
"""Threshold of the voice detector, 0 to 1: low, because losing words is worse than inventing them."""
CHINESE_PROMPT = "以下是普通话的句子。"
"""Makes Whisper punctuate Chinese, and mostly write it in simplified script; a quarter fewer wrong characters."""


class WhisperParams(Params):
    """The model and how it decodes."""

    model: str = "whisper-tiny.en"
    """A name in the model catalogue, or the path of a folder with a CTranslate2 model."""
    language: str | None = Field(None, pattern="^[a-z]{2,3}$")
    """ISO 639 code such as `en`; if omitted, multilingual models detect it."""
    languages: tuple[str, ...] = ()
    """ISO 639 codes of the languages to choose from where it is detected; empty for all 99 of Whisper."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """The device to run on."""
    compute: Literal["auto", "int8", "float16", "float32", "int8_float16"] = "auto"
    """Numeric type; auto is int8 on a CPU and float16 on a GPU."""
    threads: int = Field(0, ge=0, le=64)
    """CPU threads; 0 is half the cores: small models gain nothing from more, and other nodes need them."""
    beam: int = Field(5, ge=1, le=10)
    """Beam size for whole utterances; partial ones use 1."""
    window: Duration = Field(seconds(10), ge=seconds(1), le=seconds(30))
    """Minimum encoder window: shorter is faster, but loops more often on short clips."""
    no_speech: float = Field(0.6, ge=0, le=1)
    """Above this probability of silence a voice detector decides whether the text was really said."""
    least_log_probability: float = Field(-1.0, le=0)
    """Below this mean log probability as well; if there is a voice, the text is decoded again with a full window."""
    words: bool = False
    """Whether whole transcripts carry word times."""


def threads_of(params: WhisperParams) -> int:
    """CPU threads used by one job."""
    return params.threads or max(1, (os.cpu_count() or 1) // 2)


def fast(params: WhisperParams) -> WhisperParams:
    """The parameters for partial utterances: quick to decode, without word times."""
    return params.model_copy(update={"beam": 1, "words": False})


@dataclass(frozen=True, slots=True)
class Transcription:
    """The text of an utterance."""

    text: str
    language: str
    confidence: float
    words: tuple[Word, ...] = ()
    doubtful: bool = False
    """Whether it may be a loop, or wrong in another way, and was not decoded again."""


class Whisper:
    """A loaded model."""

    def __init__(self, folder: str, params: WhisperParams) -> None:
        from faster_whisper import WhisperModel

        compute: str = params.compute
        if compute == "auto":
            compute = "float16" if params.device == "cuda" else "int8"
        self._model: Any = WhisperModel(
            folder, device=params.device, compute_type=compute, cpu_threads=threads_of(params), local_files_only=True
        )

    def transcribe(self, samples: Samples, params: WhisperParams, *, retry: bool = True) -> Transcription | None:
        """Transcribes one utterance: int16 samples at 16 kHz.

        `retry`: a doubtful result is decoded again with the full window; otherwise it is marked as
        doubtful. Returns None if the job was cancelled meanwhile.
        """
        if is_silent(samples):
            return Transcription("", params.language or "", 0.0)
        if len(samples) / RATE > FULL:
            return self._long(samples, params, retry)
        window = window_for(samples, params)
        return self._result(samples, window, params, retry, *self.decode(samples, window, params))

    def transcribe_batch(
        self, heard: Sequence[Samples], params: WhisperParams, *, retry: bool = True
    ) -> list[Transcription | None]:
        """Transcribes several utterances that need the same window (`window_for`) in one batch."""
        window = window_for(heard[0], params)
        together = [] if params.words else [n for n, each in enumerate(heard) if _fits(each)]
        if len(together) < 2:
            return [self.transcribe(each, params, retry=retry) for each in heard]
        decoded, encoded = self._decode_batch([heard[n] for n in together], window, params)
        found = dict(zip(together, decoded, strict=True))
        return [
            self._result(each, window, params, retry, *found[n], encoded)
            if n in found
            else self.transcribe(each, params, retry=retry)
            for n, each in enumerate(heard)
        ]

    def _result(
        self,
        samples: Samples,
        window: float,
        params: WhisperParams,
        retry: bool,
        decoded: Decoded,
        language: str,
        encoded: Any,
    ) -> Transcription | None:
        """Turns a decoder result into a transcription, after a second pass if it is doubtful."""
        seconds, least = len(samples) / RATE, params.least_log_probability
        if may_be_silence(decoded, params.no_speech, least) and not speech_ranges(samples):
            return Transcription("", language, 0.0)
        if window < FULL and is_doubtful(decoded, seconds, least, language):
            if stopped():
                return None
            if not retry:
                return Transcription(_shown(decoded.text, language), language, _confidence(decoded), doubtful=True)
            decoded, language, encoded = self.decode(samples, FULL, params)
        if exceeds_token_limit(decoded, seconds, language):
            decoded, language, encoded = self.decode(samples, FULL, params, loops=False)
        words = self._words(decoded, encoded, language, seconds) if params.words else ()
        return Transcription(_shown(decoded.text, language), language, _confidence(decoded), words)

    def decode(
        self, samples: Samples, window: float, params: WhisperParams, *, loops: bool = True
    ) -> tuple[Decoded, str, Any]:
        """Returns the decoder result, the language and the encoder output; `loops=False` forbids repetition."""
        (found,), encoded = self._decode_batch([samples], window, params, loops=loops)
        return *found, encoded

    def _decode_batch(
        self, heard: Sequence[Samples], window: float, params: WhisperParams, *, loops: bool = True
    ) -> tuple[list[tuple[Decoded, str]], Any]:
        """Returns text and language of each utterance, and the encoder output of all."""
        model, frames = self._model, round(window * FRAMES_A_SECOND) // 2 * 2
        encoded = model.encode(np.stack([self._features(each, frames) for each in heard]))
        languages = [params.language] * len(heard) if params.language else self._languages(encoded, params)
        tokenizers = [self._tokenizer(language) for language in languages]
        if len(set(languages)) > 1:  # the prompts of a batch have one length
            each = [
                self._decode_batch([one], window, params.model_copy(update={"language": language}), loops=loops)[0]
                for one, language in zip(heard, languages, strict=True)
            ]
            return [found for (found,) in each], encoded
        prompts = [_prompt(tokenizer, languages[0]) for tokenizer in tokenizers]
        most = token_limit(max(map(len, heard)) / RATE, languages[0])
        results = model.model.generate(
            encoded,
            prompts,
            beam_size=params.beam,
            max_length=min(model.max_length, len(prompts[0]) + most),
            no_repeat_ngram_size=0 if loops else 3,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            (_decoded(tokenizer, result), language)
            for tokenizer, result, language in zip(tokenizers, results, languages, strict=True)
        ], encoded

    def _features(self, samples: Samples, frames: int) -> NDArray[np.float32]:
        # Padded with zeros after the logarithm, as faster-whisper does: silence padded before it takes the
        # level of the loudest sound, which doubles the word error rate of tiny.en.
        heard = self._model.feature_extractor(_sound(samples))[:, :frames]
        return np.pad(heard, ((0, 0), (0, frames - heard.shape[-1])))

    def _long(self, samples: Samples, params: WhisperParams, retry: bool) -> Transcription | None:
        """Transcribes more than a window holds in pieces, cut at pauses where possible."""
        found: list[Transcription] = []
        words: list[Word] = []
        for start, end in _pieces(speech_ranges(samples)):
            piece = None if stopped() else self.transcribe(samples[start:end], params, retry=retry)
            if piece is None:
                return None
            offset = start * SECOND // RATE
            words += [Word(word.text, word.start + offset, word.end + offset) for word in piece.words]
            found.append(piece)
        if not found:
            return Transcription("", params.language or "", 0.0)
        confidence = sum(piece.confidence for piece in found) / len(found)
        text, doubtful = " ".join(piece.text for piece in found), any(piece.doubtful for piece in found)
        return Transcription(text, found[0].language, confidence, tuple(words), doubtful)

    def _languages(self, encoded: Any, params: WhisperParams) -> list[str]:
        """The most likely language of each utterance, of those that the parameters allow."""
        if not self._model.model.is_multilingual:
            return ["en"] * encoded.shape[0]
        wanted = set(params.languages)
        ranked = [
            [str(token).strip("<|>") for token, _ in found] for found in self._model.model.detect_language(encoded)
        ]
        return [next((each for each in found if each in wanted), found[0]) for found in ranked]

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
            Word(_shown(each["word"].strip(), language), round(each["start"] * SECOND), round(each["end"] * SECOND))
            for each in found
            if each["word"].strip() and not each["word"].startswith("<|")
        )


def window_for(samples: Samples, params: WhisperParams) -> float:
    """The encoder window for an utterance, in seconds."""
    return min(FULL, max(params.window / SECOND, len(samples) / RATE + SILENCE))


def speech_ranges(samples: Samples) -> list[tuple[int, int]]:
    """Ranges of samples in which the voice detector of faster-whisper finds speech."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=VOICE,
        min_speech_duration_ms=VOICED_MS,
        min_silence_duration_ms=PAUSE_MS,
        max_speech_duration_s=LONGEST,
    )
    return [(span["start"], span["end"]) for span in get_speech_timestamps(_sound(samples), options)]


def _fits(samples: Samples) -> bool:
    """Whether an utterance is audible and fits into one window."""
    return not is_silent(samples) and len(samples) / RATE <= FULL


def _prompt(tokenizer: Any, language: str) -> list[int]:
    """The tokens before the transcript."""
    before = [tokenizer.sot_prev, *tokenizer.encode(f" {CHINESE_PROMPT}")] if language == "zh" else []
    return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def _shown(text: str, language: str) -> str:
    """Chinese in simplified script; as it is without the package opencc (`vitagraph[zh]`)."""
    converter = _converter() if language == "zh" else None
    return str(converter.convert(text)) if converter else text


@lru_cache(maxsize=1)
def _converter() -> Any:
    try:
        from opencc import OpenCC
    except ImportError:
        return None
    return OpenCC("t2s")


def _decoded(tokenizer: Any, result: Any) -> Decoded:
    tokens = tuple(result.sequences_ids[0])
    return Decoded(tokens, tokenizer.decode(list(tokens)).strip(), result.scores[0], result.no_speech_prob)


def _confidence(decoded: Decoded) -> float:
    return math.exp(min(0.0, decoded.log_probability))


def _pieces(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Joins neighbouring ranges up to the length of a piece."""
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
