"""A Redis that has nothing, in the loop of a test, also in virtual time."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from pipeline.clock import Clock, give_way

_REPLIES = {b"GETRANGE": b"$0\r\n\r\n", b"PTTL": b":-2\r\n", b"PING": b"+PONG\r\n"}

ROUNDS = 10
"""Rounds of the loop in which an answer reaches a client in the same loop."""


class EmptyRedis:
    """Listens on a port of its own between `start` and `stop`; both may be called again."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Takes connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Is gone, as after a crash."""
        if self._server is not None:
            self._server.close()
        for writer in self._clients:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                (command, *_) = [await _argument(reader) for _ in range(await _count(reader))]
                with Clock(asyncio.get_running_loop()).hold():  # until the client has the answer
                    writer.write(_REPLIES.get(command.upper(), b"+OK\r\n"))
                    await writer.drain()
                    for _ in range(ROUNDS):
                        await give_way()
        self._clients.discard(writer)
        writer.close()


async def _count(reader: asyncio.StreamReader) -> int:
    return int((await reader.readuntil(b"\r\n"))[1:])


async def _argument(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readexactly(await _count(reader) + 2))[:-2]
