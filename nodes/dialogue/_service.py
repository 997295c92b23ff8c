"""The base classes of dialogue nodes: which transcripts get an answer, and what is remembered of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from nodes.apologies import apologies
from nodes.dialogue import _languages
from nodes.dialogue._background import giving_way
from nodes.dialogue._history import OPENING, ChatExchange, ChatMessage, History
from nodes.dialogue._pieces import (
    AnswerCut,
    Pieces,
    Usage,
    cut_off,
    filtered,
    first_sentence,
    sliced,
    whole_sentences,
    without_repetition,
    word_by_word,
)
from nodes.dialogue._summary import is_due, summarise
from nodes.markers import MarkerFilter
from nodes.packets import GREETING, InstructionsChanged, PlaybackProgress, TextDelta, TokensUsed, Transcript
from nodes.words import completeness
from pipeline.compute.pool import Pool
from pipeline.errors import NodeError, UserInputError
from pipeline.node import Context, Service
from pipeline.packet import Packet, Stamp
from pipeline.params import Params
from pipeline.port import Input, Output, Receives

P = TypeVar("P", bound=Params)

SYSTEM = (
    "You are a friendly assistant in a spoken conversation. "
    "Answer in one or two short sentences of plain words, without lists or markup."
)


MAX_TOKEN = 20
"""Characters for which a token is allowed to stand, on average."""
MAX_CONTINUATIONS = 4
"""Times that an answer which reached `max_tokens` is continued, to the end of its sentence."""
MAX_MORE = 1000
"""Characters that an answer may have beyond that."""


class DialogueService(Service[P]):
    """Base class of dialogue nodes: answers whole transcripts, ignores partial and empty ones.

    A transcript that looks like a complete sentence is answered at once, behind the gate; any
    other waits until its turn is committed. A transcript with its own `answer` (an apology of
    the speech recognition) is answered with that text. The last delta of an answer has `end` set,
    and `truncated` if the model was stopped in the middle of a sentence.
    """

    text = Input(Transcript)
    answer = Output(TextDelta)

    @text.each
    async def reply(self, heard: Transcript) -> AsyncIterator[TextDelta]:
        """Streams the answer to a whole transcript."""
        self.attend(heard)
        if not heard.whole or not (heard.text.strip() or heard.answer.strip()):
            return
        if heard.text and completeness(heard.text) < 1:
            # The person will probably go on, and an answer to half a sentence would be wasted work.
            await heard.at.cause.wait_until_decided()
        async with aclosing(self._deltas(heard, self.answered(heard))) as deltas:
            async for delta in deltas:
                yield delta

    async def _deltas(self, heard: Transcript, answer: Pieces) -> AsyncGenerator[TextDelta, None]:
        truncated = False
        try:
            async with aclosing(sliced(answer)) as pieces:
                async for piece in pieces:
                    yield self._delta(heard, piece)
        except AnswerCut:
            truncated = True
        yield self._delta(heard, "", end=True, truncated=truncated)

    def attend(self, heard: Transcript) -> None:
        """Called with every transcript, partial ones included: the person speaks."""

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
        async with aclosing(self._deltas(packet, self.continued(packet, _text(made)))) as deltas:
            async for delta in deltas:
                yield delta

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet]:
        """Apologises if no member could answer, or finish an answer."""
        if _is_complete(made) or not isinstance(packet, Transcript):
            return ()
        sorry = apologies(self.answer_language(packet))
        return (self._delta(packet, sorry.lost if made else sorry.no_answer, end=True),)

    def _delta(self, heard: Transcript, text: str, *, end: bool = False, truncated: bool = False) -> TextDelta:
        at = Stamp(self.clock.now(), 0, heard.at.cause)
        return TextDelta(at, text, end, self.answer_language(heard), truncated)

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
    """Bytes of conversation that are remembered word for word: a Latin letter is one, a Chinese character three."""
    summary: bool = True
    """Whether the model sums up the older turns, between two answers, when `turns` or `history` is two thirds full.
    Without a summary the older half leaves the prompt beyond either limit. Sentences in which the caller gave
    names, dates or numbers, or spoke of themselves, are kept word for word in any case: at most 12, and 600 bytes."""
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

    When the conversation has grown long, the model sums up its older part while nobody waits
    (`_background.py`): after an answer, in the low lane, until the next word of this caller
    or the next question of another one who needs the same model or connection.
    """

    played = Receives(PlaybackProgress)
    instructed = Receives(InstructionsChanged)

    Memory = History
    memory: History

    continues_exactly: ClassVar[bool] = False
    """Whether a prompt that ends with a part of an answer is continued at that very character."""

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
        if instead == heard.language or not heard.language or not self.memory.excuse(heard.language, heard.at.cause):
            return ""
        return _languages.excuse(heard.language, instead)

    def _system(self, heard: Transcript) -> str:
        """The system prompt, with the language of the answer where the graph names languages."""
        told = _languages.instruction(self.answer_language(heard)) if self.params.languages else ""
        return f"{self.params.system} {told}".strip()

    def attend(self, heard: Transcript) -> None:
        """Ends what is done in the background."""
        self.memory.background.stop()

    @property
    def pool(self) -> Pool[Any] | None:
        """What an answer needs an instance of: the model or the connections; None if it needs nothing."""
        return next(iter(self.context.pools.values()), None)

    async def close(self) -> None:
        """Ends what is done in the background."""
        await self.memory.background.close()

    async def _remembered(self, heard: Transcript, question: str) -> Pieces:
        async with aclosing(_recorded(self._exchange(heard, question), super().answered(heard))) as pieces:
            async for piece in pieces:
                yield piece
        self._tidy(heard)

    def _exchange(self, heard: Transcript, question: str) -> ChatExchange:
        params = self.params
        return self.memory.ask(heard.at.cause, question, turns=params.turns, budget=params.history)

    def _tidy(self, heard: Transcript) -> None:
        """Begins a summary of the conversation if it has become long."""
        if self.params.summary and is_due(self.memory):
            system, language = self._system(heard), self.answer_language(heard)
            self.memory.background.begin(lambda: summarise(self, system, language))

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """Streams what the model generates; drops the older half of a conversation that is too long for it."""
        said = ""
        while True:
            messages = self.memory.messages(self._system(heard), self.answer_language(heard))
            try:
                async with aclosing(self.spoken(messages)) as pieces:
                    async for piece in pieces:
                        said += piece
                        yield piece
                if len(said) >= self._most and whole_sentences(said):
                    raise AnswerCut
                return
            except PromptTooLong:
                if said or not self.memory.shorten():
                    raise
            except AnswerCut:
                if len(said) >= self._most:
                    raise
                break
        async with aclosing(self._rest(messages, said)) as pieces:
            async for piece in pieces:
                yield piece

    async def spoken(self, messages: list[ChatMessage], *, aside: bool = False) -> Pieces:
        """What of the model's answer is meant for the person."""
        generate = self.generate_aside if aside else self.generate
        model, thinks = str(getattr(self.params, "model", "")), self.memory.thinks
        markers = MarkerFilter(thinks=thinks.get(model))
        async with aclosing(filtered(cut_off(generate(messages), self._most), markers)) as pieces:
            async for piece in pieces:
                yield piece
        thinks[model] = markers.thinks

    async def _rest(self, messages: list[ChatMessage], said: str) -> Pieces:
        """Goes on with an answer that was stopped, usually at `max_tokens`, to the end of its sentence.

        Raises AnswerCut if that fails and the answer has whole sentences, NodeError if it has none.
        """
        if not said.strip():
            raise NodeError(
                "the model was stopped before it answered, probably at `max_tokens`",
                hint="raise `max_tokens`, or switch the reasoning of the model off",
            )
        if _is_whole(said):
            return
        rest = ""
        for _ in range(MAX_CONTINUATIONS):
            before, is_cut = rest, False
            more = self.spoken([*messages, {"role": "assistant", "content": said + rest}])
            try:
                async with aclosing(first_sentence(without_repetition(said + rest, more))) as pieces:
                    async for piece in pieces:
                        if rest == before and not self.continues_exactly and _joins((said + rest)[-1:], piece[:1]):
                            yield " "
                        rest += piece
                        yield piece
            except AnswerCut:
                is_cut = True
            except UserInputError:
                break  # the endpoint does not go on with an answer
            if _is_whole(said + rest):
                return
            if not is_cut or rest == before:
                break
        if not whole_sentences(said + rest):
            raise NodeError("the answer was stopped in its first sentence", hint="raise `max_tokens`")
        raise AnswerCut

    @property
    def _most(self) -> int:
        """Characters of an answer: some models and endpoints do not stop at `max_tokens`."""
        return MAX_MORE + MAX_TOKEN * self.params.max_tokens

    def continued(self, heard: Transcript, said: str) -> Pieces:
        """Lets the model answer again, without the words that were already generated."""
        return self._continued(heard, said)

    async def _continued(self, heard: Transcript, said: str) -> Pieces:
        exchange = self._exchange(heard, heard.text.strip())
        exchange.answer = said
        rest = without_repetition(said, self.generate_reply(heard))
        async with aclosing(_recorded(exchange, rest)) as pieces:
            async for piece in pieces:
                yield piece
        self._tidy(heard)

    async def probe(self) -> None:
        """Generates one token."""
        async with aclosing(self.generate([{"role": "user", "content": "Hello."}])) as pieces:
            async for _ in pieces:
                return

    def note_tokens(self, provider: str, model: str, usage: Usage) -> None:
        """Posts what a request has used, if it has begun."""
        if usage.read or usage.written:
            shown = Path(model).name if "/" in model else model
            self.post(
                TokensUsed(self.clock.now(), self.context.name, provider, shown, read=usage.read, written=usage.written)
            )

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the model's answer to a prompt.

        Raises PromptTooLong before its first piece, AnswerCut after the last if that was at `max_tokens`.
        """
        raise NotImplementedError

    def generate_aside(self, messages: list[ChatMessage]) -> Pieces:
        """As `generate`, for work in the background; raises GaveWay as soon as a caller waits for the model."""
        return giving_way(self.generate(messages), self.pool)

    async def read(self, messages: list[ChatMessage]) -> None:
        """Lets the model process the beginning of later prompts, where that makes these faster.

        Called in the background, so it raises GaveWay as soon as a caller waits for the model.
        """


async def _after(first: str, pieces: Pieces) -> Pieces:
    """An answer with words before it."""
    yield first
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            yield piece


async def _recorded(exchange: ChatExchange, answer: Pieces) -> Pieces:
    """The answer, which is remembered as it comes; an unfinished sentence at its end is not."""
    try:
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                exchange.add(piece)
                yield piece
    except AnswerCut:
        exchange.answer = exchange.answer[: whole_sentences(exchange.answer)]
        exchange.complete = True
        raise
    exchange.complete = True


def _joins(last: str, first: str) -> bool:
    return last.isalnum() and first.isalnum()


def _is_whole(text: str) -> bool:
    return whole_sentences(text) == len(text.rstrip())


def _text(made: Sequence[Packet]) -> str:
    return "".join(delta.text for delta in made if isinstance(delta, TextDelta))


def _is_complete(made: Sequence[Packet]) -> bool:
    """Whether the answer is complete."""
    return any(isinstance(delta, TextDelta) and delta.end for delta in made)
