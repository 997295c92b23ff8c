"""`asr.whisper`: OpenAI's Whisper, run with faster-whisper."""

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
    """The model and how it decodes."""

    model: str = "whisper-tiny.en"
    """A name in the model catalogue, or the path of a folder with a CTranslate2 model."""
    language: str | None = Field(None, pattern="^[a-z]{2,3}$")
    """ISO 639 code such as `en`; if omitted, multilingual models detect it."""
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


def load_whisper(params: WhisperParams) -> Whisper:
    """Loads the model.

    Raises DependencyError if the package is missing, ResourceError if the model or the device is.
    """
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


def transcribe_together(
    whisper: Whisper, jobs: Sequence[tuple[Samples, DecodingOptions]]
) -> list[Transcription | None]:
    """Transcribes utterances that share their options."""
    return whisper.transcribe_batch([samples for samples, _ in jobs], jobs[0][1])


class WhisperAsr(AsrService[WhisperParams]):
    """Transcribes utterances with Whisper.

    Hallucinated text is suppressed: a possible loop is decoded again with a full window, and
    text for audio in which a voice detector finds no speech becomes empty.
    """

    engine = Pooled(load_whisper, key=lambda p: (p.model, p.device, p.compute, p.threads), threads=threads_of)
    speech = Input(Utterance, rate=16_000, channels=1)
    text = Output(Transcript)
    heard = Sends(TranscriptUpdate)

    @speech.each
    async def transcribe(self, heard: Utterance) -> AsyncIterator[Transcript | TranscriptUpdate]:
        """Yields one transcript per utterance and sends the words so far upstream."""
        settings = self.settings(whole=heard.whole)
        alike = settings, window_for(heard.samples, settings)
        found = await self.engine.batch(transcribe_together, (heard.samples, settings), alike=alike)
        if found is None:
            return  # a doubtful partial result: another will follow
        yield TranscriptUpdate(heard.at.cause, found.text, heard.whole)
        yield Transcript(heard.at, found.text, heard.whole, found.language, found.confidence, found.words)

    async def probe(self) -> None:
        """Transcribes half a second of a hum: silence would never reach the model."""
        hum = np.asarray(2_000 * np.sin(np.arange(8_000) * 0.1), np.int16)
        settings = self.settings(whole=False)
        await self.engine.run(lambda whisper: whisper.transcribe(hum, settings))

    def settings(self, *, whole: bool) -> DecodingOptions:
        """Decoding options: fast for a partial utterance, accurate for a whole one."""
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
