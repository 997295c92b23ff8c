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

Exchanges that no longer fit leave the prompt, and a recap of them (`_recap.py`) enters its system message:
from two thirds of the window on, `aged` says which ones a summary is wanted of; `propose` takes the summary
and `adopt` puts it in their place. Without a summary in time, the older half leaves at once, and only its
facts remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from nodes.dialogue._background import Background
from nodes.dialogue._recap import Recap, room, size, summary_of
from nodes.packets import PlaybackProgress
from pipeline.cause import Cause

OPENING = "…"
"""The question to which a greeting is the answer: the person has said nothing yet.

Many chat templates reject a conversation that the assistant begins.
"""
RECENT = 4
"""Exchanges that a summary leaves in the prompt, at most; and at most a third of the window."""
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

    @property
    def settled(self) -> bool:
        """Whether it is known what the person heard of it, or that they heard nothing."""
        return self.cause.committed or not self.cause.live

    @property
    def size(self) -> int:
        """Bytes of what later prompts have of it."""
        return size(self.question) + size(self.said)


class History:
    """The exchanges of one session; survives every flush."""

    def __init__(self) -> None:
        self.instructions: str | None = None
        """Instructions of the client, which replace the node's own system prompt; empty if it gave none.

        None until a node has taken those of the session."""
        self.thinks: dict[str, bool | None] = {}
        """By model: whether it begins its answers with reasoning; absent or None while that is not known."""
        self.background = Background()
        """What is done for the conversation while nobody waits."""
        self.recap = Recap()
        """What is kept of exchanges that have left the prompt."""
        self._proposed: tuple[Recap, list[ChatExchange]] | None = None
        """The next recap, and the exchanges in whose place it comes."""
        self._turns = self._budget = 0
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

    def ask(self, cause: Cause, question: str, *, turns: int, budget: int) -> ChatExchange:
        """Begins an exchange; beyond `turns` questions or `budget` bytes older ones leave the prompt.

        Half of them leave at once, which keeps the prefix of the prompt stable: whenever it changes,
        the model has to process the whole prompt again. A retried question appears only once.
        """
        exchange = ChatExchange(cause, question)
        self._exchanges = [old for old in self._exchanges if old.kept and not old.repeated_by(exchange)]
        self._exchanges.append(exchange)
        self._turns, self._budget = turns, budget
        if self._is_fuller_than(1, 1):
            self.adopt()
            if self._is_fuller_than(1, 1):
                self._forget(turns // 2, budget // 2)
        return exchange

    def aged(self) -> list[ChatExchange]:
        """The exchanges of which a summary is wanted: from two thirds of the window on, all but the last few."""
        if not self._is_fuller_than(2, 3):
            return []
        old = self._exchanges[: -self._newest(min(RECENT, max(1, self._turns // 3)), self._budget // 3)]
        return old if all(each.settled for each in old) else []

    @property
    def is_proposed(self) -> bool:
        """Whether there is a summary that is not yet in the prompt."""
        return self._proposed is not None

    def propose(self, summary: str, replaced: list[ChatExchange]) -> bool:
        """Takes what a model gave as the summary of the conversation; returns False if it has no whole sentence."""
        if line := summary_of(summary, room(self._budget)):
            recap = Recap(line, self.recap.facts)
            self._proposed = recap.with_facts(_told(replaced), self._budget), replaced
        return bool(line)

    def adopt(self) -> None:
        """Puts the proposed summary, if there is one, in the place of its exchanges."""
        if self._proposed is not None:
            self.recap, replaced = self._proposed
            self._proposed = None
            gone = set(map(id, replaced))
            self._exchanges = [each for each in self._exchanges if id(each) not in gone]

    def played(self, event: PlaybackProgress) -> None:
        """Records playback for the oldest unfinished answer of the event's cause."""
        for exchange in self._exchanges:
            if exchange.cause is event.cause and not exchange.finished:
                exchange.play(event)
                return

    def messages(self, system: str = "", language: str = "", *, proposed: bool = False) -> list[ChatMessage]:
        """The prompt: the system message, then alternating messages of user and assistant.

        `language` is that of the words around the recap. With `proposed`, as it will be with the proposed summary.
        """
        merged: list[ChatMessage] = []
        recap, left_out = self._proposed if proposed and self._proposed else (self.recap, [])
        told = "\n\n".join(filter(None, (self.instructions or system, recap.text(language))))
        for role, content in self._lines(told, set(map(id, left_out))):
            content = content.encode("utf-8", "replace").decode()  # half a character, as clients send, has no encoding
            if merged and merged[-1]["role"] == role:
                # Many chat templates reject two messages in a row of one role, as an unheard answer leaves.
                merged[-1]["content"] += f"\n{content}"
            else:
                merged.append({"role": role, "content": content})
        return merged

    def _lines(self, system: str, left_out: set[int]) -> Iterator[tuple[Role, str]]:
        if system:
            yield "system", system
        for exchange in self._exchanges:
            if (
                id(exchange) not in left_out
                and exchange.kept
                and ((said := exchange.said) or exchange.question != OPENING)
            ):
                yield "user", exchange.question
                if said:
                    yield "assistant", said

    def shorten(self) -> bool:
        """Drops the older half, then the recap; returns False if only the newest question is left."""
        count = len(self._exchanges)
        self.adopt()
        if len(self._exchanges) == count:
            self._forget(count // 2, self._size())
        if len(self._exchanges) == count and self.recap:
            self.recap = Recap()
            return True
        return len(self._exchanges) < count

    def _size(self) -> int:
        return sum(exchange.size for exchange in self._exchanges)

    def _is_fuller_than(self, part: int, of: int) -> bool:
        return len(self._exchanges) * of > self._turns * part or self._size() * of > self._budget * part

    def _newest(self, turns: int, budget: int) -> int:
        """How many of the newest exchanges fit into these limits; at least one."""
        kept = used = 0
        for exchange in reversed(self._exchanges):
            used += exchange.size
            if kept and (kept >= turns or used > budget):
                break
            kept += 1
        return kept

    def _forget(self, turns: int, budget: int) -> None:
        end = len(self._exchanges) - self._newest(turns, budget)
        self.recap = self.recap.with_facts(_told(self._exchanges[:end]), self._budget)
        del self._exchanges[:end]


def _told(exchanges: list[ChatExchange]) -> list[str]:
    """What the person said in these exchanges."""
    return [each.question for each in exchanges if each.kept and each.question != OPENING]
