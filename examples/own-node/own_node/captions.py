"""Translates sentences into captions: a service that uses every hook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from nodes.packets import Sentence
from pipeline import Input, Output, Packet, Params, Pooled, ResourceError, Service, Stamp

BOOKS = {
    "full": {"hello": "bonjour", "good evening": "bonsoir", "goodbye": "au revoir"},
    "pocket": {"hello": "bonjour", "good evening": " "},
}


class Caption(Packet, frozen=True):
    """One clause of a sentence, translated."""

    text: str
    clause: int
    """Its position in the sentence, from 0."""


class CaptionsParams(Params):
    book: Literal["full", "pocket"] = "full"
    """Which phrase book is used."""


def load_book(params: CaptionsParams) -> dict[str, str]:
    return BOOKS[params.book]


class Captions(Service[CaptionsParams]):
    """Translates sentences clause by clause with a phrase book."""

    text = Input(Sentence)
    captions = Output(Caption)
    book = Pooled(load_book, key=lambda params: params.book)

    @dataclass(slots=True)
    class State:
        heard: Sentence | None = None

    state: State

    @text.each
    async def translate(self, sentence: Sentence) -> AsyncIterator[Caption]:
        self.state.heard = sentence
        async for caption in self.translated(sentence, after=()):
            yield caption

    async def translated(self, sentence: Sentence, after: Sequence[Packet]) -> AsyncIterator[Caption]:
        for number, clause in rest(sentence, after):
            words = await self.look_up(clause)
            yield Caption(Stamp(self.clock.now(), 0, sentence.at.cause), words, number)

    async def look_up(self, clause: str) -> str:
        words = await self.book.run(lambda book: book.get(clause))
        if words is None:
            raise ResourceError(f"the phrase book has no {clause!r}", hint="use a larger phrase book")
        return words

    def requires_output(self, packet: Packet) -> bool:
        return isinstance(packet, Sentence) and bool(rest(packet))

    def counts_as_output(self, output: Packet) -> bool:
        return isinstance(output, Caption) and bool(output.text.strip())

    def lane(self, packet: Packet) -> Literal["high", "normal", "low"]:
        return "normal"  # a caption may be later than the voice

    def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[Caption]:
        assert isinstance(packet, Sentence)
        return self.translated(packet, after=made)

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Caption]:
        assert isinstance(packet, Sentence)
        for number, clause in rest(packet, made):
            yield Caption(Stamp(self.clock.now(), 0, packet.at.cause), f"[{clause}]", number)

    def cache_key(self, packet: Packet) -> str | None:
        return packet.text if isinstance(packet, Sentence) else None

    def from_cache(self, packet: Packet, output: Packet) -> Packet:
        return msgspec.structs.replace(output, at=Stamp(self.clock.now(), 0, packet.at.cause))

    def prefetch_packet(self, text: str) -> Packet:
        return Sentence(Stamp(self.clock.now(), 0, self.causes.root), text)

    async def probe(self) -> None:
        if not await self.book.run(lambda book: book.get("hello")):
            raise ResourceError("the phrase book has no greeting", hint="install the phrase book again")

    async def finish(self) -> AsyncIterator[Caption]:
        if self.state.heard is not None:
            yield Caption(Stamp(self.clock.now(), 0, self.state.heard.at.cause), "(end)", 0)


def rest(sentence: Sentence, made: Sequence[Packet] = ()) -> list[tuple[int, str]]:
    """The clauses after the last caption that was made, numbered, in lower case and without punctuation."""
    split = [words for clause in sentence.text.split(",") if (words := clause.strip(" .!?").lower())]
    first = max((each.clause + 1 for each in made if isinstance(each, Caption)), default=0)
    return list(enumerate(split))[first:]
