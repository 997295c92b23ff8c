"""`asr.whisper`: OpenAI's Whisper, run with faster-whisper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from nodes.asr._service import AsrService
from nodes.asr._whisper import Transcription, Whisper, WhisperParams, fast, threads_of, window_for
from nodes.models import path
from nodes.packets import Samples, Transcript, TranscriptUpdate, Utterance
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError
from pipeline.port import Input, Output, Sends


def load_whisper(params: WhisperParams) -> Whisper:
    """Loads the model.

    Raises DependencyError if the package is missing, ResourceError if the model or the device is.
    """
    folder = path(params.model)
    try:
        return Whisper(str(folder), params)
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
    whisper: Whisper, jobs: Sequence[tuple[Samples, WhisperParams, bool]]
) -> list[Transcription | None]:
    """Transcribes utterances that share their parameters, and whether a doubtful result is decoded again."""
    _, params, retry = jobs[0]
    return whisper.transcribe_batch([samples for samples, _, _ in jobs], params, retry=retry)


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
        params = self.params if heard.whole else fast(self.params)
        batch_key = params, heard.whole, window_for(heard.samples, params)
        found = await self.engine.batch(transcribe_together, (heard.samples, params, heard.whole), batch_key=batch_key)
        if found is None:
            return
        yield TranscriptUpdate(heard.at.cause, found.text, heard.whole, found.language, found.confidence)
        if found.doubtful:
            return  # a guess is no caption, but says something about a possible interruption
        yield Transcript(heard.at, found.text, heard.whole, found.language, found.confidence, found.words)

    def language(self) -> str:
        """The language of the parameters; empty if it is detected."""
        return self.params.language or ""

    async def probe(self) -> None:
        """Transcribes half a second of a hum: silence would never reach the model."""
        hum = np.asarray(2_000 * np.sin(np.arange(8_000) * 0.1), np.int16)
        await self.engine.run(lambda whisper: whisper.transcribe(hum, fast(self.params), retry=False))
