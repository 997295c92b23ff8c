"""The conversation so far, as the person has heard it.

An exchange is one question and its answer, and belongs to a cause. What a model is shown
of it depends on what became of that cause:

| cause                     | question | answer                              |
|---------------------------|----------|-------------------------------------|
| live, answer complete     | kept     | all of it                           |
| live, answer broken off   | kept     | what was heard, else what was made  |
| revoked after its commit  | kept     | exactly the words that were heard   |
| revoked while tentative   | gone     | gone                                |

A revoked cause stays revoked, so what is gone is forgotten at the next question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from nodes.packets import PlaybackProgress
from pipeline.cause import Cause

Role = Literal["system", "user", "assistant"]


class ChatMessage(TypedDict):
    """One line of a prompt, as chat models take it."""

    role: Role
    content: str


@dataclass(slots=True)
class ChatExchange:
    """One question and its answer."""

    cause: Cause
    question: str
    answer: str = ""
    """All of the answer that was made so far."""
    complete: bool = False
    """Whether the answer was made to its end."""
    finished: bool = False
    """Whether its last speech was played to its end."""
    _heard: list[str] = field(default_factory=list)
    _playing: str = ""

    @property
    def kept(self) -> bool:
        """Whether it happened, for the person: what was only guessed and called off did not."""
        return self.cause.live or self.cause.committed

    @property
    def heard(self) -> str:
        """The words of the answer that the person has heard."""
        return " ".join(part for part in (*self._heard, self._playing) if part)

    @property
    def said(self) -> str:
        """The answer as later prompts show it."""
        if not self.cause.live:
            return self.heard
        return self.answer if self.complete else self.heard or self.answer

    def repeated_by(self, other: ChatExchange) -> bool:
        """Whether the other is a new attempt at this one."""
        return self.cause is other.cause and self.question == other.question and not self.complete

    def play(self, event: PlaybackProgress) -> None:
        """Takes note of how far one speech of the answer got."""
        if event.ended:
            self._heard.append(event.text)
            self._playing = ""
        else:
            self._playing = event.text
        self.finished = event.last

    def __len__(self) -> int:
        return len(self.question) + len(self.said)


class History:
    """The exchanges of one session; outlives every flush."""

    def __init__(self) -> None:
        self.instructions = ""
        """What takes the place of the node's own `system`, where the client of a call says so."""
        self._exchanges: list[ChatExchange] = []

    def ask(self, cause: Cause, question: str, *, turns: int, characters: int) -> ChatExchange:
        """Begins an exchange, and forgets the oldest where there are more than the limits.

        Then half of what is allowed goes at once: each time that the beginning of a prompt
        changes, the model reads all of it anew. A question that is asked again because the
        attempt to answer it failed is there only once.
        """
        exchange = ChatExchange(cause, question)
        self._exchanges = [old for old in self._exchanges if old.kept and not old.repeated_by(exchange)]
        self._exchanges.append(exchange)
        if len(self._exchanges) > turns or self._size() > characters:
            self._forget(turns // 2, characters // 2)
        return exchange

    def played(self, event: PlaybackProgress) -> None:
        """Takes note of what was heard: of the oldest answer of that cause that is not over."""
        for exchange in self._exchanges:
            if exchange.cause is event.cause and not exchange.finished:
                exchange.play(event)
                return

    def messages(self, system: str = "") -> list[ChatMessage]:
        """The prompt: the instructions or the system's line, then the person's and the assistant's by turns."""
        merged: list[ChatMessage] = []
        for role, content in self._lines(self.instructions or system):
            if merged and merged[-1]["role"] == role:
                # Many chat templates refuse two lines of one side, which an unheard answer leaves.
                merged[-1]["content"] += f"\n{content}"
            else:
                merged.append({"role": role, "content": content})
        return merged

    def _lines(self, system: str) -> Iterator[tuple[Role, str]]:
        if system:
            yield "system", system
        for exchange in self._exchanges:
            if exchange.kept:
                yield "user", exchange.question
                if said := exchange.said:
                    yield "assistant", said

    def shorten(self) -> bool:
        """Forgets the older half; False where only the newest question is left."""
        count = len(self._exchanges)
        self._forget(count // 2, self._size())
        return len(self._exchanges) < count

    def _size(self) -> int:
        return sum(map(len, self._exchanges))

    def _forget(self, turns: int, characters: int) -> None:
        while len(self._exchanges) > 1 and (len(self._exchanges) > turns or self._size() > characters):
            del self._exchanges[0]
