"""HTTP and WebSocket as bytes, for those who mean no good by them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import urlsplit

TEXT, CONTINUATION, BINARY, PING, PONG = 1, 0, 2, 9, 10
FINAL = 128
MASK = b"\0\0\0\0"
"""A mask that changes nothing."""


class Wire:
    """One connection. What the host has closed is not written to; nothing raises for it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, address: str, limit: int = 1 << 22) -> Self:
        """Connects to a host."""
        parts = urlsplit(address)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=limit))

    @property
    def open(self) -> bool:
        """Whether the host has not closed it, as far as is known."""
        return not self._writer.is_closing() and not self.reader.at_eof()

    async def write(self, data: bytes) -> None:
        """Sends, and waits while much is unsent."""
        if self.open:
            with suppress(OSError):
                self._writer.write(data)
                await self._writer.drain()

    async def read(self) -> bytes:
        """Everything until the host closes."""
        with suppress(OSError):
            return await self.reader.read()
        return b""

    async def head(self) -> bytes:
        """The head of a response."""
        with suppress(OSError, asyncio.IncompleteReadError):
            return await self.reader.readuntil(b"\r\n\r\n")
        return b""

    def stop_reading(self) -> None:
        """The host's buffers fill from now on."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's

    def resume_reading(self) -> None:
        """The opposite of `stop_reading`."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]  # it is a socket's

    def end(self) -> None:
        """Sends nothing more; reading goes on."""
        self._writer.write_eof()

    def close(self) -> None:
        """Ends it without a goodbye."""
        self._writer.transport.abort()

    async def discard(self) -> None:
        """Reads and forgets."""
        with suppress(OSError):
            while await self.reader.read(1 << 16):
                pass


@asynccontextmanager
async def wires(address: str, count: int) -> AsyncIterator[list[Wire]]:
    """So many connections at once; those that the host refuses are left out."""
    made = await asyncio.gather(*(Wire.to(address) for _ in range(count)), return_exceptions=True)
    open = [each for each in made if isinstance(each, Wire)]
    try:
        yield open
    finally:
        for each in open:
            each.close()


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request; without a Content-Length unless there is a body."""
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, *length, "", ""]
    return "\r\n".join(lines).encode() + body


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A WebSocket frame of a client."""
    size = len(payload)
    first = bytes([opcode | (FINAL if final else 0)])
    if size < 126:
        return first + bytes([128 | size]) + MASK + payload
    if size < 65_536:
        return first + struct.pack("!BH", 128 | 126, size) + MASK + payload
    return first + struct.pack("!BQ", 128 | 127, size) + MASK + payload


@asynccontextmanager
async def web_socket(address: str, path: str = "/v1/realtime") -> AsyncIterator[Wire]:
    """A call by WebSocket that was accepted."""
    wire = await Wire.to(address)
    key = "Sec-WebSocket-Key: " + "AAAAAAAAAAAAAAAAAAAAAA=="
    headers = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key)
    try:
        await wire.write(request("GET", path, *headers))
        assert b" 101 " in await wire.head()
        yield wire
    finally:
        wire.close()
