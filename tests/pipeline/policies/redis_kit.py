"""A client of Redis in real time, and what it logs."""
# ruff: noqa: TID251 - a real server lives in real time

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from pipeline.params import seconds
from pipeline.policies.redis import RedisClient

HOUR = seconds(3600)


class Said(logging.Handler):
    """Keeps what is logged; a handler that writes to a file would count as blocking."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]

    @property
    def levels(self) -> list[int]:
        return [record.levelno for record in self.records]

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def said() -> Iterator[Said]:
    """What a client logs."""
    logger, said = logging.getLogger("pipeline.policies.redis"), Said()
    logger.addHandler(said)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield said
    logger.propagate = True
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(said)


Loop = Callable[[], asyncio.AbstractEventLoop]


def run(client: RedisClient, main: Coroutine[Any, Any, None], loop: Loop = asyncio.SelectorEventLoop) -> None:
    """Runs a test in real time, and closes the client at its end."""

    async def whole() -> None:
        try:
            await main
        finally:
            await client.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(whole())


async def until(true: Callable[[], object], within: float = 10.0) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what a server does has no event
            await asyncio.sleep(0.005)
