"""`asr.whisper`: OpenAI's Whisper, run by faster-whisper."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from nodes.asr._service import AsrService
from nodes.asr._whisper import DecodingOptions, Transcription, Whisper, window_for
from nodes.models import path
from nodes.packets import Samples, Transcript, TranscriptUpdate, Utterance
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError
from pipeline.packet import SECOND
from pipeline.params import Duration, Params, seconds
from pipeline.port import Input, Output, Sends


class WhisperParams(Params):
    """Which model, and how carefully it listens."""

    model: str = "whisper-tiny.en"
    """A name of the catalogue, or the path of a CTranslate2 model's folder."""
    language: str | None = Field(None, pattern="^[a-z]{2,3}$")
    """Such as `en`; left out, it is detected (by models that know more than one)."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where it runs."""
    compute: Literal["auto", "int8", "float16", "float32", "int8_float16"] = "auto"
    """The type of its numbers; auto is int8 on a CPU and float16 on a GPU."""
    threads: int = Field(0, ge=0, le=64)
    """CPU threads; 0 is half the cores: small models gain nothing from more, and others need them."""
    beam: int = Field(5, ge=1, le=10)
    """Hypotheses for whole utterances; partial ones take 1."""
    window: Duration = Field(seconds(10), ge=seconds(1), le=seconds(30))
    """The least that the encoder sees: shorter is faster, and loops more often on short clips."""
    no_speech: float = Field(0.6, ge=0, le=1)
    """Above this probability of silence a voice is looked for; where there is none, the text was not said."""
    least_log_probability: float = Field(-1.0, le=0)
    """Below this mean too; and a text with a voice is decoded again from a full window."""
    words: bool = False
    """Whether whole transcripts carry the times of their words."""


def threads_of(params: WhisperParams) -> int:
    """CPU threads of one job."""
    return params.threads or max(1, (os.cpu_count() or 1) // 2)


def load_whisper(params: WhisperParams) -> Whisper:
    """Loads the model; raises a NodeError where it, the package or the device is missing."""
    folder = path(params.model)
    compute = params.compute
    if compute == "auto":
        compute = "float16" if params.device == "cuda" else "int8"
    try:
        return Whisper(str(folder), params.device, compute, threads_of(params))
    except ImportError as error:
        raise DependencyError(
            "the package faster-whisper is not installed", hint="pip install faster-whisper"
        ) from error
    except (RuntimeError, ValueError) as error:
        raise ResourceError(
            f"the model `{params.model}` cannot be loaded: {error}",
            hint="`vitagraph models verify` checks its files; `device: cpu` needs no GPU",
        ) from error


def _transcribe(whisper: Whisper, heard: Sequence[tuple[Samples, DecodingOptions]]) -> list[Transcription | None]:
    """All have the same settings."""
    return whisper.transcribe_all([samples for samples, _ in heard], heard[0][1])


class WhisperAsr(AsrService[WhisperParams]):
    """Writes down what an utterance says, with Whisper.

    Texts that Whisper makes up are held back: what may be a loop is decoded again from a
    full window, and what it hears where a voice detector hears nobody becomes an empty text.
    """

    engine = Pooled(load_whisper, key=lambda p: (p.model, p.device, p.compute, p.threads), threads=threads_of)
    speech = Input(Utterance, rate=16_000, channels=1)
    text = Output(Transcript)
    heard = Sends(TranscriptUpdate)

    @speech.each
    async def transcribe(self, heard: Utterance) -> AsyncIterator[Transcript | TranscriptUpdate]:
        """One transcript an utterance; the words so far also go upstream."""
        settings = self.settings(whole=heard.whole)
        alike = settings, window_for(heard.samples, settings)
        found = await self.engine.batch(_transcribe, (heard.samples, settings), alike=alike)
        if found is None:
            return  # a partial one that looks wrong: the next will come
        yield TranscriptUpdate(heard.at.cause, found.text, heard.whole)
        yield Transcript(heard.at, found.text, heard.whole, found.language, found.confidence, found.words)

    async def probe(self) -> None:
        """Listens to half a second of a hum: silence would not get as far as the model."""
        hum = np.asarray(2_000 * np.sin(np.arange(8_000) * 0.1), np.int16)
        settings = self.settings(whole=False)
        await self.engine.run(lambda whisper: whisper.transcribe(hum, settings))

    def settings(self, *, whole: bool) -> DecodingOptions:
        """How an utterance is decoded: a partial one quickly, a whole one well."""
        params = self.params
        return DecodingOptions(
            language=params.language,
            beam=params.beam if whole else 1,
            window=params.window / SECOND,
            no_speech=params.no_speech,
            least_log_probability=params.least_log_probability,
            words=params.words and whole,
            retry=whole,
        )
