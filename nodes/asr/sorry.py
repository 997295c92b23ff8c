"""`asr.sorry`: the last fallback of speech recognition, which asks the person to repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import Field

from nodes.apologies import apologies
from nodes.asr._service import AsrService
from nodes.packets import Transcript, TranscriptUpdate, Utterance
from pipeline.params import Params
from pipeline.port import Input, Output, Sends


class SorryParams(Params):
    """The sentences to answer with."""

    language: str = "en"
    """BCP 47 code of the sentences."""
    sentences: tuple[str, ...] = Field(
        (
            apologies().not_heard,
            "I'm having trouble hearing you. Please try once more.",
            "Sorry, that did not come through. Could you repeat it?",
        ),
        min_length=1,
    )
    """Used in turn, starting again after the last."""


class Sorry(AsrService[SorryParams]):
    """Asks the person to repeat what they said; needs no model, so it never fails."""

    speech = Input(Utterance, channels=1)
    text = Output(Transcript)
    heard = Sends(TranscriptUpdate)

    @dataclass(slots=True)
    class Memory:
        """How many times this session was asked to repeat."""

        asked: int = 0

    memory: Memory

    @speech.each
    async def ask(self, heard: Utterance) -> AsyncIterator[Transcript | TranscriptUpdate]:
        """Answers a whole utterance with an empty transcript that carries the apology."""
        if heard.whole:
            sentences = self.params.sentences
            answer = sentences[self.memory.asked % len(sentences)]
            self.memory.asked += 1
            yield Transcript(heard.at, "", whole=True, language=self.params.language, answer=answer)
