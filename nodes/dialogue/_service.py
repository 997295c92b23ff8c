"""The base classes of dialogue nodes: which transcripts get an answer, and what is remembered of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import TypeVar

from pydantic import Field

from nodes.apologies import apologies
from nodes.dialogue import _languages
from nodes.dialogue._history import OPENING, ChatMessage, History
from nodes.packets import GREETING, InstructionsChanged, PlaybackProgress, TextDelta, Transcript
from nodes.words import completeness
from pipeline.clock import give_way
from pipeline.errors import UserInputError
from pipeline.node import Context, Service
from pipeline.packet import Packet, Stamp
from pipeline.params import Params
from pipeline.port import Input, Output, Receives

P = TypeVar("P", bound=Params)
Pieces = AsyncGenerator[str, None]

SYSTEM = (
    "You are a friendly assistant in a spoken conversation. "
    "Answer in one or two short sentences of plain words, without lists or markup."
)


MAX_DELTA = 400
"""Characters of a delta: what follows a delta in the same turn of the event loop takes a few milliseconds then."""
MAX_TOKEN = 20
"""Characters for which a token is allowed to stand, on average."""
MAX_MORE = 1000
"""Characters that an answer may have beyond that."""
MAX_WORD = 200
"""Characters of the longest word that is compared with the words said before."""


async def word_by_word(text: str) -> Pieces:
    """Streams a finished text as a model would: each word with the space before it."""
    for word in re.findall(r"\s*\S+|\s+\Z", text):
        yield word


async def sliced(pieces: Pieces) -> Pieces:
    """The same text in pieces of at most 400 characters, between which other tasks of the event loop run."""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            yield piece[:MAX_DELTA]
            for start in range(MAX_DELTA, len(piece), MAX_DELTA):
                await give_way()
                yield piece[start : start + MAX_DELTA]


async def cut_off(pieces: Pieces, most: int) -> Pieces:
    """The first `most` characters of an answer; it is stopped there, whether or not it would go on."""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            yield piece[:most]
            most -= len(piece)
            if most <= 0:
                return


async def read_ahead(pieces: Pieces) -> Pieces:
    """Reads the pieces as fast as they come, so that the model is released before all of them were spoken."""
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
    """Base class of dialogue nodes: answers whole transcripts, ignores partial and empty ones.

    A transcript that looks like a complete sentence is answered at once, behind the gate; any
    other waits until its turn is committed. A transcript with its own `answer` (an apology of
    the speech recognition) is answered with that text. The last delta of an answer has `end` set.
    """

    text = Input(Transcript)
    answer = Output(TextDelta)

    @text.each
    async def reply(self, heard: Transcript) -> AsyncIterator[TextDelta]:
        """Streams the answer to a whole transcript."""
        if not heard.whole or not (heard.text.strip() or heard.answer.strip()):
            return
        if heard.text and completeness(heard.text) < 1:
            # The person will probably go on, and an answer to half a sentence would be wasted work.
            await heard.at.cause.wait_until_decided()
        async with aclosing(sliced(self.answered(heard))) as pieces:
            async for piece in pieces:
                yield self._delta(heard, piece)
        yield self._delta(heard, "", end=True)

    def requires_output(self, packet: Packet) -> bool:
        """Every whole transcript with words requires an answer."""
        return isinstance(packet, Transcript) and packet.whole and bool(packet.text.strip() or packet.answer.strip())

    def counts_as_output(self, output: Packet) -> bool:
        """Only text counts: an empty delta is no answer."""
        return isinstance(output, TextDelta) and bool(output.text.strip())

    async def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[TextDelta]:
        """Continues an answer after the words generated so far."""
        assert isinstance(packet, Transcript)
        if _is_complete(made):
            return  # the failure came after the end of the answer
        async with aclosing(sliced(self.continued(packet, _text(made)))) as pieces:
            async for piece in pieces:
                yield self._delta(packet, piece)
        yield self._delta(packet, "", end=True)

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet]:
        """Apologises if no member could answer, or finish an answer."""
        if _is_complete(made) or not isinstance(packet, Transcript):
            return ()
        sorry = apologies(self.answer_language(packet))
        return (self._delta(packet, sorry.lost if made else sorry.no_answer, end=True),)

    def _delta(self, heard: Transcript, text: str, *, end: bool = False) -> TextDelta:
        return TextDelta(Stamp(self.clock.now(), 0, heard.at.cause), text, end, self.answer_language(heard))

    def answer_language(self, heard: Transcript) -> str:
        """The language of the answer to a transcript: that of its words."""
        return heard.language

    def continued(self, heard: Transcript, said: str) -> Pieces:
        """The rest of an answer that another member broke off; by default, an apology."""
        return word_by_word(apologies(self.answer_language(heard)).lost)

    def answered(self, heard: Transcript) -> Pieces:
        """The answer that the transcript brings, or else a generated one."""
        return word_by_word(heard.answer) if heard.answer.strip() else self.generate_reply(heard)

    def generate_reply(self, heard: Transcript) -> Pieces:
        """Streams the answer of this node."""
        raise NotImplementedError


class ChatParams(Params):
    """Parameters of every chat model."""

    system: str = SYSTEM
    """The system prompt; empty for none."""
    max_tokens: int = Field(120, ge=1, le=100_000)
    """Maximum number of tokens in an answer."""
    turns: int = Field(20, ge=1, le=1000)
    """Number of questions that are remembered, with their answers."""
    history: int = Field(4000, ge=100, le=1_000_000)
    """Characters of conversation that are remembered. Beyond either limit the older half is dropped."""
    languages: tuple[str, ...] = ()
    """BCP 47 codes of the languages that the voice speaks. A question in one of them is answered in it; one
    in another language in the first, which is said before the first such answer. Empty leaves it to the model."""


class PromptTooLong(UserInputError):
    """The prompt does not fit into the model's context."""


C = TypeVar("C", bound=ChatParams)


class Chat(DialogueService[C]):
    """Base class of chat models, which get the conversation as the person has heard it.

    A prepared answer to a question is remembered like any other, because the person has heard
    it, and so is a greeting. An apology without a question is not: a model that reads its own repeats them.
    """

    played = Receives(PlaybackProgress)
    instructed = Receives(InstructionsChanged)

    Memory = History
    memory: History

    def start(self, context: Context, memory: History | None = None) -> None:
        """A new history begins with the session's instructions, if any (`provide=[InstructionsChanged(...)]`)."""
        super().start(context, memory)
        if self.memory.instructions is None:
            given = (each for each in context.provided if isinstance(each, InstructionsChanged))
            self.memory.instructions = next((each.instructions for each in given), "")

    @played.each
    def note(self, event: PlaybackProgress) -> tuple[()]:
        """Records how much of an answer was heard."""
        self.memory.played(event)
        return ()

    @instructed.each
    def follow(self, event: InstructionsChanged) -> tuple[()]:
        """Replaces the system prompt from the next answer on."""
        self.memory.instructions = event.instructions
        return ()

    def answered(self, heard: Transcript) -> Pieces:
        """The answer; the greeting and an answer to a question are remembered."""
        if heard.at.cause.name == GREETING:
            return self._remembered(heard, OPENING)
        if not heard.text.strip():
            return super().answered(heard)
        excuse = self._excuse(heard)
        remembered = self._remembered(heard, heard.text.strip())
        return _after(excuse, remembered) if excuse else remembered

    def answer_language(self, heard: Transcript) -> str:
        """That of the question if it is one of `languages`, else the first of these."""
        return _languages.answered_in(heard.language, self.params.languages)

    def _excuse(self, heard: Transcript) -> str:
        """What to say before the first answer in another language than that of the question."""
        instead = self.answer_language(heard)
        if instead == heard.language or not self.memory.excuse(heard.language, heard.at.cause):
            return ""
        return _languages.excuse(heard.language, instead)

    def _system(self, heard: Transcript) -> str:
        """The system prompt, with the language of the answer where the graph names languages."""
        told = _languages.instruction(self.answer_language(heard)) if self.params.languages else ""
        return f"{self.params.system} {told}".strip()

    async def _remembered(self, heard: Transcript, question: str) -> Pieces:
        params = self.params
        exchange = self.memory.ask(heard.at.cause, question, turns=params.turns, characters=params.history)
        async with aclosing(super().answered(heard)) as pieces:
            async for piece in pieces:
                exchange.add(piece)
                yield piece
        exchange.complete = True

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """Streams what the model generates; drops the older half of a conversation that is too long for it."""
        while True:
            try:
                answer = cut_off(self.generate(self.memory.messages(self._system(heard))), self._most)
                async with aclosing(answer) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except PromptTooLong:
                if not self.memory.shorten():
                    raise

    @property
    def _most(self) -> int:
        """Characters of an answer: some models and endpoints do not stop at `max_tokens`."""
        return MAX_MORE + MAX_TOKEN * self.params.max_tokens

    async def continued(self, heard: Transcript, said: str) -> Pieces:
        """Lets the model answer again, without the words that were already generated."""
        params = self.params
        exchange = self.memory.ask(heard.at.cause, heard.text.strip(), turns=params.turns, characters=params.history)
        exchange.answer = said
        async with aclosing(without_repetition(said, self.generate_reply(heard))) as pieces:
            async for piece in pieces:
                exchange.add(piece)
                yield piece
        exchange.complete = True

    async def probe(self) -> None:
        """Generates one token."""
        async with aclosing(self.generate([{"role": "user", "content": "Hello."}])) as pieces:
            async for _ in pieces:
                return

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the model's answer to a prompt; raises PromptTooLong before its first piece."""
        raise NotImplementedError


async def _after(first: str, pieces: Pieces) -> Pieces:
    """An answer with words before it."""
    yield first
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            yield piece


async def without_repetition(said: str, pieces: Pieces) -> Pieces:
    """Streams a text without its beginning, as far as that repeats `said`."""
    known, at, held = said.split(), 0, ""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            if at == len(known):
                yield piece
                continue
            held += piece
            *whole, rest = re.findall(r"\s*\S+|\s+\Z", held) or [""]
            for number, word in enumerate(whole):
                if at < len(known) and _same_word(word, known[at]):
                    at += 1
                    continue
                at = len(known)  # the texts differ from here on
                yield "".join(whole[number:])
                break
            held = rest
            if len(held) > MAX_WORD:
                at = len(known)  # no word is that long, and comparing it anew with each piece would take ever longer
            if at == len(known):
                yield held
    if held and at < len(known) and not _same_word(held, known[at]):
        yield held


def _same_word(word: str, other: str) -> bool:
    return re.sub(r"\W", "", word).lower() == re.sub(r"\W", "", other).lower()


def _text(made: Sequence[Packet]) -> str:
    return "".join(delta.text for delta in made if isinstance(delta, TextDelta))


def _is_complete(made: Sequence[Packet]) -> bool:
    """Whether the answer is complete."""
    return any(isinstance(delta, TextDelta) and delta.end for delta in made)
