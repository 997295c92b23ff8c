"""What dialogue nodes share: which transcripts are answered, how an answer leaves, what is remembered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import TypeVar

from pydantic import Field

from nodes.dialogue._history import ChatMessage, History
from nodes.packets import InstructionsChanged, PlaybackProgress, TextDelta, Transcript
from nodes.words import completeness
from pipeline.errors import UserInputError
from pipeline.node import Service
from pipeline.packet import Packet, Stamp
from pipeline.params import Params
from pipeline.port import Input, Output, Receives

P = TypeVar("P", bound=Params)
Pieces = AsyncGenerator[str, None]

SYSTEM = (
    "You are a friendly assistant in a spoken conversation. "
    "Answer in one or two short sentences of plain words, without lists or markup."
)


NO_ANSWER = "Sorry, I can't answer that just now. Please ask me again in a moment."
"""What is said where no member had an answer."""
LOST = " ... Sorry, I lost my thread there. Please ask me again."
"""What is said where an answer broke off and nobody could go on."""


async def word_by_word(text: str) -> Pieces:
    """A finished text as a model would stream it: each word with the space before it."""
    for word in re.findall(r"\s*\S+|\s+\Z", text):
        yield word


async def ahead(pieces: Pieces) -> Pieces:
    """The same pieces, read as fast as they come: what makes them is free for others before all was spoken."""
    made: asyncio.Queue[str | None] = asyncio.Queue()  # bounded by the answer, which `max_tokens` bounds

    async def read() -> None:
        try:
            async with aclosing(pieces) as incoming:
                async for piece in incoming:
                    made.put_nowait(piece)
        finally:
            made.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while (piece := await made.get()) is not None:
            yield piece
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


class DialogueService(Service[P]):
    """Answers whole transcripts; partial and empty ones are ignored.

    What looks like a whole sentence is answered at once, behind the gate; for anything else
    it waits until the turn is committed. A transcript that brings its own `answer` (an
    apology of the speech recognition) is answered with that, word for word. The last delta
    of an answer has `end` set.
    """

    text = Input(Transcript)
    answer = Output(TextDelta)

    @text.each
    async def reply(self, heard: Transcript) -> AsyncIterator[TextDelta]:
        """Streams the answer to a whole transcript."""
        if not heard.whole or not (heard.text.strip() or heard.answer.strip()):
            return
        if heard.text and completeness(heard.text) < 1:
            # They will probably go on: an answer to half a sentence would be made for nothing.
            await heard.at.cause.wait_until_decided()
        async with aclosing(self.answered(heard)) as pieces:
            async for piece in pieces:
                yield TextDelta(Stamp(self.clock.now(), 0, heard.at.cause), piece)
        yield TextDelta(Stamp(self.clock.now(), 0, heard.at.cause), "", end=True)

    def requires_output(self, packet: Packet) -> bool:
        """Whatever was said wants an answer."""
        return isinstance(packet, Transcript) and packet.whole and bool(packet.text.strip() or packet.answer.strip())

    def counts_as_output(self, output: Packet) -> bool:
        """Words are."""
        return isinstance(output, TextDelta) and bool(output.text.strip())

    async def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[TextDelta]:
        """Goes on after the words that were made already."""
        assert isinstance(packet, Transcript)
        if _whole(made):
            return  # it failed when all was said
        async with aclosing(self.continued(packet, _text(made))) as pieces:
            async for piece in pieces:
                yield TextDelta(Stamp(self.clock.now(), 0, packet.at.cause), piece)
        yield TextDelta(Stamp(self.clock.now(), 0, packet.at.cause), "", end=True)

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet]:
        """Says so where no answer can be had, or no end of it."""
        if _whole(made):
            return ()
        return (TextDelta(Stamp(self.clock.now(), 0, packet.at.cause), LOST if made else NO_ANSWER, end=True),)

    def continued(self, heard: Transcript, said: str) -> Pieces:
        """The rest of an answer that another member broke off; by default, an honest end of it."""
        return word_by_word(LOST)

    def answered(self, heard: Transcript) -> Pieces:
        """The prepared answer, where the transcript brings one; else one of this node's own."""
        return word_by_word(heard.answer) if heard.answer.strip() else self.generate_reply(heard)

    def generate_reply(self, heard: Transcript) -> Pieces:
        """An answer of this node's own, piece by piece."""
        raise NotImplementedError


class ChatParams(Params):
    """What every chat model has to be told."""

    of_a_call = frozenset({"system"})

    system: str = SYSTEM
    """The instruction at the head of every prompt; empty for none."""
    max_tokens: int = Field(120, ge=1, le=100_000)
    """Tokens after which an answer is cut off."""
    turns: int = Field(20, ge=1, le=1000)
    """Questions that are remembered, with their answers."""
    history: int = Field(4000, ge=100, le=1_000_000)
    """Characters of conversation that are remembered. Beyond either limit the older half goes."""


class PromptTooLong(UserInputError):
    """The prompt does not fit into the model's context."""


C = TypeVar("C", bound=ChatParams)


class Chat(DialogueService[C]):
    """Answers with a model that is shown the conversation as the person has heard it.

    A prepared answer is remembered like any other, for the person has heard it; but not
    where there was no question: a model that reads its own apologies learns to apologise.
    """

    played = Receives(PlaybackProgress)
    instructed = Receives(InstructionsChanged)

    Memory = History
    memory: History

    @played.each
    def note(self, event: PlaybackProgress) -> tuple[()]:
        """Remembers what was really heard."""
        self.memory.played(event)
        return ()

    @instructed.each
    def follow(self, event: InstructionsChanged) -> tuple[()]:
        """From the next answer on."""
        self.memory.instructions = event.instructions
        return ()

    def answered(self, heard: Transcript) -> Pieces:
        """The answer, remembered where it answers a question."""
        return self._remembered(heard) if heard.text.strip() else super().answered(heard)

    async def _remembered(self, heard: Transcript) -> Pieces:
        params = self.params
        exchange = self.memory.ask(heard.at.cause, heard.text.strip(), turns=params.turns, characters=params.history)
        async with aclosing(super().answered(heard)) as pieces:
            async for piece in pieces:
                exchange.answer += piece
                yield piece
        exchange.complete = True

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """What the model generates; a conversation that is too long for it loses its older half."""
        while True:
            try:
                async with aclosing(self.generate(self.memory.messages(self.params.system))) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except PromptTooLong:
                if not self.memory.shorten():
                    raise

    async def continued(self, heard: Transcript, said: str) -> Pieces:
        """What the model says after the words that were said already; it is not let repeat them."""
        params = self.params
        exchange = self.memory.ask(heard.at.cause, heard.text.strip(), turns=params.turns, characters=params.history)
        exchange.answer = said
        async with aclosing(beyond(said, self.generate_reply(heard))) as pieces:
            async for piece in pieces:
                exchange.answer += piece
                yield piece
        exchange.complete = True

    async def probe(self) -> None:
        """Has the model say a first word."""
        async with aclosing(self.generate([{"role": "user", "content": "Hello."}])) as pieces:
            async for _ in pieces:
                return

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the model's answer to a prompt; raises PromptTooLong before its first piece."""
        raise NotImplementedError


async def beyond(said: str, pieces: Pieces) -> Pieces:
    """A text without its beginning, as far as that says again what was said."""
    known, at, held = said.split(), 0, ""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            if at == len(known):
                yield piece
                continue
            held += piece
            *whole, rest = re.findall(r"\s*\S+|\s+\Z", held) or [""]
            for number, word in enumerate(whole):
                if at < len(known) and _alike(word, known[at]):
                    at += 1
                    continue
                at = len(known)  # it goes its own way from here
                yield "".join(whole[number:])
                break
            held = rest
            if at == len(known):
                yield held
    if held and at < len(known) and not _alike(held, known[at]):
        yield held


def _alike(word: str, other: str) -> bool:
    return re.sub(r"\W", "", word).lower() == re.sub(r"\W", "", other).lower()


def _text(made: Sequence[Packet]) -> str:
    return "".join(delta.text for delta in made if isinstance(delta, TextDelta))


def _whole(made: Sequence[Packet]) -> bool:
    """Whether the answer has ended."""
    return any(isinstance(delta, TextDelta) and delta.end for delta in made)
