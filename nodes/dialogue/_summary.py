"""Sums up the older part of a conversation in the background, with the model that answers.

First the model writes the summary, then it reads the prompt that begins with it, and only then does
the summary enter the prompt: so the next answer is no later than without it. A turn stops either; the
summary is kept, and the rest is done after a later answer.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any, Protocol

from nodes.dialogue._background import GaveWay, alone_with
from nodes.dialogue._history import ChatExchange, ChatMessage, History
from nodes.dialogue._pieces import AnswerCut, Pieces
from nodes.dialogue._recap import request
from nodes.packets import SummaryFailed
from pipeline.clock import Clock
from pipeline.compute.errors import Late, PoolExhausted
from pipeline.compute.pool import Pool
from pipeline.errors import NodeError
from pipeline.node import Context
from pipeline.packet import Event

LIMIT = 60.0
"""Seconds that a summary may take."""
MAX_FAILURES = 3
"""Summaries of one conversation that may fail; then no more are tried."""


class Summarises(Protocol):
    """What is needed of a chat node."""

    memory: History
    context: Context

    @property
    def clock(self) -> Clock:
        """The session's clock."""

    @property
    def pool(self) -> Pool[Any] | None:
        """The models or connections that it shares with other sessions."""

    def spoken(self, messages: list[ChatMessage], *, aside: bool = False) -> Pieces:
        """The words of an answer."""

    async def read(self, messages: list[ChatMessage]) -> None:
        """Processes the beginning of later prompts."""

    def post(self, event: Event) -> None:
        """Puts an event on the bus."""


def is_due(memory: History) -> bool:
    """Whether a summary is wanted, or one that was made is not in the prompt yet."""
    background = memory.background
    is_able = background.is_free and background.failures < MAX_FAILURES
    return is_able and (memory.is_proposed or bool(memory.aged()))


async def summarise(chat: Summarises, system: str, language: str) -> None:
    """Lets the model sum up the conversation, read the new prompt, and adopts the summary.

    Ends early if a caller waits for the model. A failure is posted as SummaryFailed.
    """
    memory = chat.memory
    try:
        with alone_with(chat.pool):
            async with asyncio.timeout(LIMIT):
                if not memory.is_proposed:
                    await _propose(chat, memory.messages(system, language), memory.aged(), language)
                await chat.read(memory.messages(system, language, proposed=True))
    except (GaveWay, PoolExhausted, Late):
        return
    except (NodeError, TimeoutError) as error:
        _report(chat, str(error) or "it took too long")
        return
    memory.adopt()


async def _propose(chat: Summarises, messages: list[ChatMessage], replaced: list[ChatExchange], language: str) -> None:
    """Asks after the whole conversation and not only its older part: that is what the model has read already."""
    asked = request(language)
    *before, last = messages
    if last["role"] == "user":
        before, asked = messages[:-1], f"{last['content']}\n\n{asked}"
    else:
        before = messages
    text = ""
    with suppress(AnswerCut):
        async with aclosing(chat.spoken([*before, {"role": "user", "content": asked}], aside=True)) as pieces:
            async for piece in pieces:
                text += piece
    if not chat.memory.propose(text, replaced):
        raise NodeError("the model gave no whole sentence")


def _report(chat: Summarises, message: str) -> None:
    background = chat.memory.background
    background.failures += 1
    chat.post(SummaryFailed(chat.clock.now(), chat.context.name, message, background.failures))
