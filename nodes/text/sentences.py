"""`text.sentences`: cuts an answer into sentences while it is being made, and makes them sayable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from nodes.packets import Sentence, TextDelta
from nodes.text._cut import Limits, cut
from nodes.text._markdown import plain
from nodes.text._speakable import speakable
from pipeline.node import Transform
from pipeline.packet import Stamp
from pipeline.params import Params
from pipeline.port import MAX_OUTPUTS, Input, Output

_OPENED = re.compile(r"(`{3,8}|~{3,8})[^\n`]*(\n|\Z)")
_CLOSED = re.compile(r"(?:^|\n)[ \t]{0,3}(`{3,8}|~{3,8})[ \t]{0,3}(\n|\Z)")
_FENCE = 16
"""The most characters that close a block of code."""
_CLAUSE = 4
"""Words that are worth being spoken before their sentence is complete."""
_LINE = 200
"""Characters within which the line that opens a block of code must end."""
_BLOCK = 2000
"""Characters of code that wait for the end of their block."""


class SentencesParams(Params):
    """How it is cut and what is said."""

    language: str = "en"
    """ISO 639-1. Dates, units, symbols and so on are written out in English, numbers in most languages."""
    longest: int = Field(250, ge=40, le=2000)
    """Characters after which a sentence is cut at its best place."""
    first_clause: bool = True
    """Whether of each answer's first sentence a clause of four words or more is spoken at once."""
    code: str = "Here is some code."
    """Said in place of a block of code, which is only shown, in whatever language it is set; empty: nothing."""


Piece = tuple[str, str]
"""What is said, what is shown."""


class Sentences(Transform[SentencesParams]):
    """Cuts the stream of an answer's text into sentences, each as soon as it is complete.

    A sentence does not end after `Dr.`, within `3.14` or in `J. R. R. Tolkien`. What is
    shown is the text without its Markdown; what is said has numbers, dates, amounts,
    units, symbols, addresses and abbreviations in words, and no emoji or code.

    Where an answer ends with nothing left to say, an empty sentence says that it was the
    last. Where one delta brings more than 16 sentences, the sixteenth is all the rest.
    """

    text = Input(TextDelta)
    sentences = Output(Sentence)

    @dataclass(slots=True)
    class State:
        """The beginning of a sentence that has not ended yet."""

        at: Stamp | None = None
        """Of the answer that it belongs to."""
        buffer: str = ""
        fence: str = ""
        """The marks that opened a block of code and will close it."""
        first: bool = True
        """Whether nothing of the answer has been spoken yet."""

    state: State

    @text.each
    def split(self, delta: TextDelta) -> Iterable[Sentence]:
        """The sentences that end with this delta."""
        if self.state.at is not None and self.state.at.cause is not delta.at.cause:
            self.reset()  # An answer whose maker failed: half a sentence of it helps nobody now.
        self.state.at = delta.at
        self.state.buffer += delta.text
        return self._sentences(delta.at, ended=delta.end)

    def finish(self) -> Iterable[Sentence]:
        """What is left of an answer that never ended."""
        at = self.state.at
        return self._sentences(at, ended=True) if at is not None and at.cause.live else ()

    def _sentences(self, at: Stamp, *, ended: bool) -> list[Sentence]:
        pieces = list(self._pieces(ended))
        if len(pieces) > MAX_OUTPUTS:
            said, shown = zip(*pieces[MAX_OUTPUTS - 1 :], strict=True)
            pieces[MAX_OUTPUTS - 1 :] = [(" ".join(filter(None, said)), " ".join(shown))]
        if ended:
            self.reset()
            pieces = pieces or [("", "")]
        last = len(pieces) - 1 if ended else -1
        return [Sentence(at, said, shown, number == last) for number, (said, shown) in enumerate(pieces)]

    def _pieces(self, ended: bool) -> Iterator[Piece]:
        while (piece := self._take(ended)) is not None:
            if any(piece):
                yield piece

    def _take(self, ended: bool) -> Piece | None:
        """Takes a piece off the beginning of the buffer; None where none is complete."""
        state, params = self.state, self.params
        if state.fence:
            return self._take_code(ended)
        state.buffer = state.buffer.lstrip()
        opened = _OPENED.match(state.buffer)
        if opened and opened.end() <= _LINE:
            return self._open_code(opened) if opened[2] or ended else None
        clause = _CLAUSE if state.first and params.first_clause else 0
        if not (length := cut(state.buffer, Limits(params.longest, clause), ended=ended)):
            return None
        shown = plain(state.buffer[:length])
        state.buffer = state.buffer[length:]
        said = speakable(shown, params.language)
        state.first = state.first and not said
        return said, shown

    def _open_code(self, opened: re.Match[str]) -> Piece:
        self.state.fence = opened[1]
        self.state.buffer = self.state.buffer[opened.end() :]
        self.state.first = False
        return self.params.code, self.params.code

    def _take_code(self, ended: bool) -> Piece | None:
        state = self.state
        closed = _CLOSED.search(state.buffer)
        if closed and closed.start() <= _BLOCK and closed[1].startswith(state.fence) and (closed[2] or ended):
            length, after, state.fence = closed.start(), closed.end(), ""
        elif len(state.buffer) > _BLOCK + _FENCE:
            length = after = max(state.buffer.rfind("\n", 0, _BLOCK), 0) or _BLOCK
        elif ended and state.buffer:
            length = after = len(state.buffer)
        else:
            return None
        code, state.buffer = state.buffer[:length], state.buffer[after:]
        return "", code.strip("\n")
