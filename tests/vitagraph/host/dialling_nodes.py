"""Nodes for calls without models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import numpy as np

from nodes.dialogue._history import ChatMessage
from nodes.dialogue._pieces import Pieces, word_by_word
from nodes.dialogue._service import Chat, ChatParams
from nodes.packets import Audio, Sentence, Speech, duration_of
from nodes.webrtc.source import WebRtcSource
from pipeline.errors import DependencyError, ResourceError
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output

RATE = 24_000


class Beeper(Service[NoParams]):
    """Says each sentence as a tone of 60 ms a letter."""

    text = Input(Sentence)
    speech = Output(Speech, rate=RATE, channels=1)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """The tone."""
        size = RATE * 60 * len(sentence.text) // 1000
        samples = (8000 * np.sin(2 * np.pi * 440 * np.arange(size) / RATE)).astype(np.int16)
        at = Stamp(self.clock.now(), duration_of(size, RATE), sentence.at.cause)
        yield Speech(at, samples, RATE, sentence.shown or sentence.text, last=sentence.last)


class Broken(Beeper):
    """Cannot be opened."""

    async def open(self) -> None:
        """Says why."""
        raise DependencyError("the beeper is missing at /secret/place", hint="buy one")


class Clinging(WebRtcSource):
    """Ends only when it is cancelled a second time, and hangs when it is closed."""

    async def run(self) -> AsyncIterator[Audio]:
        """The caller's audio, and then nothing."""
        async for audio in super().run():
            yield audio
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Never returns."""
        await super().close()
        await asyncio.Event().wait()


class Reciter(Chat[ChatParams]):
    """Answers with its own instructions."""

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """The system prompt."""
        return word_by_word(messages[0]["content"] if messages[0]["role"] == "system" else "Nothing.")


class FailingReciter(Reciter):
    """Never answers."""

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Raises."""
        raise ResourceError("it has no words")
