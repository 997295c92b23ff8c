"""Calls by WebSocket, for networks that block WebRTC: events both ways as text, without sound.

Speech is played to nowhere in real time, so that captions, the text that counts as heard, and
interruptions by typing are the same as in any other call.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from nodes.webrtc.transport.playback import Playback
from nodes.webrtc.transport.ticker import SLOT, Ticker

SUBPROTOCOL = "realtime"
"""The subprotocol that a client of the Realtime API offers, beside its token."""
MOST_QUEUED = 1_048_576
"""Characters of events that may wait for a slow client; beyond that its call is ended."""
SEND_TIMEOUT = 5
"""Seconds that a client may take for one event."""
HUNG_UP = 1000
"""The close code when the host hangs up."""


class SilentPlayer:
    """Plays speech to nowhere, on the ticker."""

    def __init__(self) -> None:
        self._playback: Playback | None = None

    def play(self, playback: Playback) -> None:
        """Starts to play, and stops what was played before."""
        if self._playback is not None:
            self._playback.stop()
        self._playback = playback

    def tick(self, index: int) -> None:
        """Plays 20 ms."""
        if self._playback is not None:
            self._playback.take(index * SLOT)
            if self._playback.over.done():
                self._playback = None


class WebSocketTransport(CallTransport):
    """The transport of a call by WebSocket; `carry` accepts the client."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self.player = SilentPlayer()
        self._socket = socket
        self._ticker: Ticker | None = None
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        """Events to send, at most `MOST_QUEUED` characters; None ends it."""
        self._queued = 0
        """Characters in the queue."""
        self._slow = False
        self._writing: asyncio.Task[None] | None = None

    @property
    def queued(self) -> int:
        """Characters of events that wait to be sent."""
        return self._queued

    async def carry(self) -> None:
        """Accepts the client and transports events both ways until either side closes."""
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
            pass  # the client is gone already
        finally:
            self.end()
            await _cancel(reading, self._writing)

    def send_text(self, text: str) -> None:
        """Queues an event; ends the call if the client reads too slowly."""
        if self._slow:
            return
        self._queued += len(text)
        self._slow = self._queued > MOST_QUEUED
        if self._slow:
            self.end()
        else:
            self._queue.put_nowait(text)

    def send_avatar(self, batch: bytes) -> None:
        """Does nothing: without sound, a client has no clock for face frames."""

    def end(self) -> None:
        """Marks the call as over; `close` frees its resources."""
        super().end()
        if self._ticker is not None:
            self._ticker.leave(self.player)

    async def close(self) -> None:
        """Ends the call after sending what is queued; safe to call twice."""
        self.end()
        if self._writing is not None:
            self._queue.put_nowait(None)
            await asyncio.wait((self._writing,), timeout=0 if self._slow else CLOSE_TIMEOUT)
            await _cancel(self._writing)

    async def _read(self) -> None:
        try:
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                if (text := message.get("text")) is not None:
                    self.on_message(text)
                await asyncio.sleep(0)  # messages that have arrived are received without a pause
        finally:
            self.end()

    async def _write(self) -> None:
        with suppress(WebSocketDisconnect, TimeoutError):
            while (text := await self._queue.get()) is not None:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._socket.send_text(text)
                self._queued -= len(text)
            await self._socket.close(HUNG_UP)


async def _cancel(*tasks: asyncio.Task[None] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
