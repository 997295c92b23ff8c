"""The conversation so far, as the person has heard it.

An exchange is one question with its answer, and belongs to a cause. What the model sees of
it depends on the state of that cause:

| cause                     | question | answer                                       |
|---------------------------|----------|----------------------------------------------|
| live, answer complete     | kept     | all of it                                    |
| live, answer broken off   | kept     | the words heard, or else the words generated |
| revoked after its commit  | kept     | only the words heard                         |
| revoked while tentative   | dropped  | dropped                                      |

Words that were heard but not generated, such as an apology or the sentence of a scripted
fallback, are no part of it: a model that reads them takes them for its own and repeats them.

A revoked cause stays revoked, so dropped exchanges are deleted at the next question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from nodes.packets import PlaybackProgress
from pipeline.cause import Cause

OPENING = "…"
"""The question to which a greeting is the answer: the person has said nothing yet.

Many chat templates reject a conversation that the assistant begins.
"""
Role = Literal["system", "user", "assistant"]


class ChatMessage(TypedDict):
    """One message of a prompt, in the format of chat models."""

    role: Role
    content: str


@dataclass(slots=True)
class ChatExchange:
    """One question and its answer."""

    cause: Cause
    question: str
    complete: bool = False
    """Whether the answer was generated to its end."""
    finished: bool = False
    """Whether its last speech was played to its end."""
    _pieces: list[str] = field(default_factory=list)
    _heard: list[str] = field(default_factory=list)
    _playing: str = ""

    @property
    def answer(self) -> str:
        """The answer as generated so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @answer.setter
    def answer(self, text: str) -> None:
        self._pieces = [text]

    def add(self, piece: str) -> None:
        """Adds a generated piece to the answer."""
        self._pieces.append(piece)

    @property
    def kept(self) -> bool:
        """Whether the exchange happened for the person: a revoked tentative turn did not."""
        return self.cause.live or self.cause.committed

    @property
    def heard(self) -> str:
        """The words of the answer that the person has heard; no more of them than were generated."""
        words = [word for part in (*self._heard, self._playing) for word in part.split()]
        return " ".join(words[: len(self.answer.split())])

    @property
    def said(self) -> str:
        """The answer as later prompts show it."""
        if not self.cause.live:
            return self.heard
        return self.answer if self.complete else self.heard or self.answer

    def repeated_by(self, other: ChatExchange) -> bool:
        """Whether `other` is a retry of this exchange."""
        return self.cause is other.cause and self.question == other.question and not self.complete

    def play(self, event: PlaybackProgress) -> None:
        """Records how much of one speech of the answer was played."""
        if event.ended:
            self._heard.append(event.text)
            self._playing = ""
        else:
            self._playing = event.text
        self.finished = event.last

    def __len__(self) -> int:
        return len(self.question) + len(self.said)


class History:
    """The exchanges of one session; survives every flush."""

    def __init__(self) -> None:
        self.instructions: str | None = None
        """Instructions of the client, which replace the node's own system prompt; empty if it gave none.

        None until a node has taken those of the session."""
        self.thinks: dict[str, bool | None] = {}
        """By model: whether it begins its answers with reasoning; absent or None while that is not known."""
        self._exchanges: list[ChatExchange] = []
        self._excused: dict[str, Cause] = {}
        """By language: the turn in which its lack of a voice was excused."""

    def excuse(self, language: str, cause: Cause) -> bool:
        """Whether the lack of a voice for a language is to be excused in a turn: once in a session is enough."""
        before = self._excused.get(language)
        if before is not None and before is not cause and (before.live or before.committed):
            return False
        self._excused[language] = cause
        return True

    def ask(self, cause: Cause, question: str, *, turns: int, characters: int) -> ChatExchange:
        """Begins an exchange; beyond either limit the older half is dropped.

        Dropping half at once keeps the prefix of the prompt stable: whenever it changes, the
        model has to process the whole prompt again. A retried question appears only once.
        """
        exchange = ChatExchange(cause, question)
        self._exchanges = [old for old in self._exchanges if old.kept and not old.repeated_by(exchange)]
        self._exchanges.append(exchange)
        if len(self._exchanges) > turns or self._size() > characters:
            self._forget(turns // 2, characters // 2)
        return exchange

    def played(self, event: PlaybackProgress) -> None:
        """Records playback for the oldest unfinished answer of the event's cause."""
        for exchange in self._exchanges:
            if exchange.cause is event.cause and not exchange.finished:
                exchange.play(event)
                return

    def messages(self, system: str = "") -> list[ChatMessage]:
        """The prompt: the system message, then alternating messages of user and assistant."""
        merged: list[ChatMessage] = []
        for role, content in self._lines(self.instructions or system):
            content = content.encode("utf-8", "replace").decode()  # half a character, as clients send, has no encoding
            if merged and merged[-1]["role"] == role:
                # Many chat templates reject two messages in a row of one role, as an unheard answer leaves.
                merged[-1]["content"] += f"\n{content}"
            else:
                merged.append({"role": role, "content": content})
        return merged

    def _lines(self, system: str) -> Iterator[tuple[Role, str]]:
        if system:
            yield "system", system
        for exchange in self._exchanges:
            if exchange.kept and ((said := exchange.said) or exchange.question != OPENING):
                yield "user", exchange.question
                if said:
                    yield "assistant", said

    def shorten(self) -> bool:
        """Drops the older half; returns False if only the newest question is left."""
        count = len(self._exchanges)
        self._forget(count // 2, self._size())
        return len(self._exchanges) < count

    def _size(self) -> int:
        return sum(map(len, self._exchanges))

    def _forget(self, turns: int, characters: int) -> None:
        kept = size = 0
        for exchange in reversed(self._exchanges):
            size += len(exchange)
            if kept and (kept >= turns or size > characters):
                break
            kept += 1
        del self._exchanges[: len(self._exchanges) - kept]
