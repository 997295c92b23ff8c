"""`text.sentences`: splits a streamed answer into sentences and prepares them for speech."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import Field

from nodes.markers import MarkerFilter
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
_WHOLE = re.compile(r"[.!?…。！？｡][\"'”’»)\]`」』】）]{0,8}\s{0,8}\Z")
"""The end of a whole sentence."""
_FENCE = 16
"""Maximum length of a closing code fence."""
_CLAUSE = 4
"""Words in a first clause that is spoken before its sentence is complete."""
_LINE = 200
"""Maximum length of the line that opens a code block."""
_BLOCK = 2000
"""Maximum characters of code held back until the end of their block."""


class SentencesParams(Params):
    """How answers are split and spoken."""

    language: str = "en"
    """BCP 47 code, for answers whose language is unknown; an answer's own language comes first.
    English, German, French, Spanish and Chinese are written out whole, of most other languages the numbers."""
    longest: int = Field(250, ge=40, le=2000)
    """Maximum characters in a sentence; a longer one is split at the best place."""
    first_clause: bool = True
    """Whether the first clause of an answer, if it has four words or more, is spoken at once."""
    code: str = "Here is some code."
    """Spoken in place of a code block, which is only shown; empty for nothing. It is not translated."""


_AT_ONCE = 1000
"""Characters that are prepared in one call, a little more than at once: up to 20 ms."""
_WAITING = 20_000
"""Characters that may wait for the next delta."""
_LONGEST = 100_000
"""Characters that are taken of a delta: hours of speech, which no dialogue gives at once."""
_FILTERED = 4000
"""Characters of a delta in which the markers of models are looked for; models stream, and give less."""

Piece = tuple[str, str]
"""The spoken and the displayed text."""


class Sentences(Transform[SentencesParams]):
    """Splits a streamed answer into sentences, each sent as soon as it is complete.

    A sentence does not end after `Dr.`, within `3.14` or in `J. R. R. Tolkien`, nor in the middle
    of a hard-wrapped line. The displayed text has no Markdown; the spoken text has numbers, dates,
    amounts, units, symbols, addresses and abbreviations in words, letters of other scripts in Latin
    ones, and no emoji, code or citations.

    Reasoning and control tokens of a model are left out, and the unfinished sentence of an answer
    that the model could not finish.

    If an answer ends with nothing left to say, an empty sentence marks its end. If one delta
    completes more than 16 sentences, the sixteenth contains all the rest. Of a long delta, 1,000
    characters are taken at a time: more is taken with the next delta, or said as it is written
    if there is none.
    """

    text = Input(TextDelta)
    sentences = Output(Sentence)

    @dataclass(slots=True)
    class State:
        """The unfinished sentence."""

        at: Stamp | None = None
        """The stamp of its answer."""
        language: str = ""
        """The language of its answer; empty if unknown."""
        buffer: str = ""
        fence: str = ""
        """The fence of an open code block; empty outside one."""
        markers: MarkerFilter = field(default_factory=lambda: MarkerFilter(reply=False))
        first: bool = True
        """True until something of the answer has been spoken."""

    state: State

    def new_state(self) -> State:
        """A fresh state, unless it belongs to an answer that goes on after the flush of another turn."""
        before: object = getattr(self, "state", None)
        if isinstance(before, self.State) and before.at is not None and before.at.cause.live:
            return before
        return self.State()

    @text.each
    def split(self, delta: TextDelta) -> Iterable[Sentence]:
        """Returns the sentences that this delta completes."""
        if self.state.at is not None and self.state.at.cause is not delta.at.cause:
            self.state = self.State()  # the rest of an answer whose dialogue failed
        self.state.at, self.state.language = delta.at, delta.language
        text = delta.text[:_LONGEST]
        given = self.state.markers.feed(text) if len(text) <= _FILTERED else text
        self.state.buffer = (self.state.buffer + given).replace("\r\n", "\n")
        return self._sentences(delta.at, ended=delta.end, truncated=delta.truncated)

    def finish(self) -> Iterable[Sentence]:
        """Returns the rest of an answer that never ended."""
        at = self.state.at
        return self._sentences(at, ended=True) if at is not None and at.cause.live else ()

    def _sentences(self, at: Stamp, *, ended: bool, truncated: bool = False) -> list[Sentence]:
        language = self.state.language
        if ended:
            self.state.buffer += self.state.markers.finish()
        pieces = list(self._pieces(ended))
        if truncated and pieces and not _WHOLE.search(pieces[-1][1]):
            del pieces[-1]  # the sentence in which the model was stopped
        if len(pieces) > MAX_OUTPUTS:
            said, shown = zip(*pieces[MAX_OUTPUTS - 1 :], strict=True)
            pieces[MAX_OUTPUTS - 1 :] = [(" ".join(filter(None, said)), " ".join(shown))]
        if ended:
            self.state = self.State()
            pieces = pieces or [("", "")]
        last = len(pieces) - 1 if ended else -1
        return [Sentence(at, said, shown, number == last, language) for number, (said, shown) in enumerate(pieces)]

    def _pieces(self, ended: bool) -> Iterator[Piece]:
        room = _AT_ONCE
        while room > 0:
            before = len(self.state.buffer)
            if (piece := self._take(ended)) is None:
                return
            if any(piece):
                yield piece
            room -= before - len(self.state.buffer)
        if ended or len(self.state.buffer) > _WAITING:
            rest, self.state.buffer, self.state.fence = " ".join(self.state.buffer.split()), "", ""
            if rest:
                yield rest, rest

    def _take(self, ended: bool) -> Piece | None:
        """Takes a piece from the start of the buffer; None if none is complete."""
        state, params = self.state, self.params
        if state.fence:
            return self._take_code(ended)
        state.buffer = state.buffer.lstrip()
        opened = _OPENED.match(state.buffer)
        if opened and opened.end() <= _LINE:
            return self._open_code(opened) if opened[2] or ended else None
        language = state.language or params.language
        limits = Limits(params.longest, _CLAUSE if state.first and params.first_clause else 0)
        if not (length := cut(state.buffer, limits, ended=ended, language=language)):
            return None
        shown = plain(state.buffer[:length])
        state.buffer = state.buffer[length:]
        said = speakable(shown, language)
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
