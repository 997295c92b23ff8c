"""A call by a WebSocket, for networks that let no WebRTC through: events both ways as text, and no sound.

What the machine says goes nowhere, at the pace at which it would be heard, so that captions,
what counts as heard, and interruptions by typing are as in any other call.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from nodes.webrtc.transport.playback import Playback
from nodes.webrtc.transport.ticker import SLOT, Ticker

SUBPROTOCOL = "realtime"
"""What a client of the Realtime API offers, beside its token."""
MOST_WAITING = 1_048_576
"""Characters of events that may wait; a client that does not read them is closed."""
SENDING = 5
"""Seconds that a client may take for one event."""
HUNG_UP = 1000
"""The code with which the host closes."""


class Mute:
    """Plays sounds into nowhere, on the ticker."""

    def __init__(self) -> None:
        self._playback: Playback | None = None

    def play(self, playback: Playback) -> None:
        """Begins to play, in place of what was played before."""
        if self._playback is not None:
            self._playback.stop()
        self._playback = playback

    def tick(self, index: int) -> None:
        """Lets 20 ms pass."""
        if self._playback is not None:
            self._playback.take(index * SLOT)
            if self._playback.over.done():
                self._playback = None


class SocketLine(CallTransport):
    """A client that has asked for a WebSocket; `carry` lets it in."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self.player = Mute()
        self._socket = socket
        self._ticker: Ticker | None = None
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        """What is to be sent, bounded by `MOST_WAITING` characters; None: no more."""
        self._waiting = 0
        """Characters in it."""
        self._slow = False
        self._writing: asyncio.Task[None] | None = None

    async def carry(self) -> None:
        """Accepts the client and passes events on both ways; returns when it has gone or was closed."""
        offered = self._socket.scope["subprotocols"]
        reading: asyncio.Task[None] | None = None
        try:
            await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            self._ticker = Ticker.here()
            self._ticker.join(self.player)
            self.connected.set()
            self.on_open()
            reading = asyncio.create_task(self._read(), name="socket in")
            self._writing = asyncio.create_task(self._write(), name="socket out")
            await asyncio.wait((self._writing,))
        except OSError:
            pass  # it has gone already
        finally:
            self.end()
            await _cancelled(reading, self._writing)

    def send_text(self, text: str) -> None:
        """Queues an event; a client that reads too slowly loses its call instead."""
        if self._slow:
            return
        self._waiting += len(text)
        self._slow = self._waiting > MOST_WAITING
        if self._slow:
            self.end()
        else:
            self._queue.put_nowait(text)

    def send_avatar(self, batch: bytes) -> None:
        """Does nothing: a face without a voice has no clock to move by."""

    def end(self) -> None:
        """Says that the call is over; `close` frees what it had."""
        super().end()
        if self._ticker is not None:
            self._ticker.leave(self.player)

    async def close(self) -> None:
        """Ends the call, once what is queued was sent; may be called twice."""
        self.end()
        if self._writing is not None:
            self._queue.put_nowait(None)
            await asyncio.wait((self._writing,), timeout=0 if self._slow else CLOSE_TIMEOUT)
            await _cancelled(self._writing)

    async def _read(self) -> None:
        try:
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                if (text := message.get("text")) is not None:
                    self.on_message(text)
        finally:
            self.end()

    async def _write(self) -> None:
        with suppress(WebSocketDisconnect, TimeoutError):
            while (text := await self._queue.get()) is not None:
                async with asyncio.timeout(SENDING):
                    await self._socket.send_text(text)
                self._waiting -= len(text)
            await self._socket.close(HUNG_UP)


async def _cancelled(*tasks: asyncio.Task[None] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
