"""`asr.sorry`: when nothing can listen, it says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import Field

from nodes.asr._service import NOT_HEARD, AsrService
from nodes.packets import Transcript, TranscriptUpdate, Utterance
from pipeline.params import Params
from pipeline.port import Input, Output, Sends


class SorryParams(Params):
    """What it says."""

    sentences: tuple[str, ...] = Field(
        (
            NOT_HEARD,
            "I'm having trouble hearing you. Please try once more.",
            "Sorry, that did not come through. Could you repeat it?",
        ),
        min_length=1,
    )
    """One after the other, from the first again after the last."""


class Sorry(AsrService[SorryParams]):
    """Asks the person to say it again; needs no model, so it can always answer."""

    speech = Input(Utterance, channels=1)
    text = Output(Transcript)
    heard = Sends(TranscriptUpdate)

    @dataclass(slots=True)
    class Memory:
        """How often it has asked."""

        asked: int = 0

    memory: Memory

    @speech.each
    async def ask(self, heard: Utterance) -> AsyncIterator[Transcript | TranscriptUpdate]:
        """For a whole utterance, a transcript that only says what to answer."""
        if heard.whole:
            sentences = self.params.sentences
            answer = sentences[self.memory.asked % len(sentences)]
            self.memory.asked += 1
            yield Transcript(heard.at, "", whole=True, answer=answer)
