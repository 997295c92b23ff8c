"""A TCP connection, between its socket and uvicorn's protocol: bounds what its client can make the host do.

Input is passed on in small pieces, one for each turn of the event loop, whatever the number of
connections (`ReadScheduler`). All connections together get a share of the loop's time, so that
calls have the rest.

A connection is overdue when its client does not finish a request, does not read, or does not
close, each within `TIMEOUT`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from vitagraph.host.bucket import TokenBucket

TIMEOUT = 8.0
"""Seconds that a client may take for a request, or for reading `PROGRESS` bytes; checked each second."""
CLOSE_TIMEOUT = 4.0
"""Seconds that it may take for reading as many bytes once the connection is being closed."""
PROGRESS = 16_384
PIECE = 2_048
"""Bytes that are passed on at once: the smallest frames and chunks make some 400 events of them."""
SHARE = 0.3
"""The share of the loop's time for reading, and for the requests that come of it."""
AT_ONCE = 0.3
"""Seconds of the loop's time that may be used before this share counts."""
REQUEST = 0.001
"""Seconds that a piece with the head of a request counts in addition to the time that it took."""
FORGET = 2.0
"""Time constant, in seconds, with which the time that an address used is forgotten."""
RECENT = 0.02
"""Seconds within which a connection that asks again waits for those that do not."""


class ReadScheduler:
    """Passes on the input of all connections of a host.

    First comes the address that has used the least time. Of its connections, first those that have
    brought requests and do not ask all the time, then new ones, the newest first, then those that ask
    all the time. So a client that floods the host, or opens many connections, waits for others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[ClientConnection, tuple[int, int]] = {}
        """With the rank among those of the same address."""
        self._count = 0
        self._used: dict[str, tuple[float, float]] = {}
        """For each address, seconds of the loop's time, decayed, and when that was."""
        self._budget = TokenBucket(SHARE, AT_ONCE, loop.time)
        self._timer: asyncio.Handle | None = None
        self._serving = False

    def add(self, connection: ClientConnection) -> None:
        """The connection has input: passes on a piece of it, now if nothing else waits."""
        if connection not in self._waiting:
            self._waiting[connection] = self._rank(connection)
        if self._timer is None and not self._serving:
            self._serve()

    def remove(self, connection: ClientConnection) -> None:
        """The connection has no input any more, or may not be read from."""
        self._waiting.pop(connection, None)

    def _serve(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        now = self._loop.time()
        connection = self._next(now)
        del self._waiting[connection]
        began, requests = time.perf_counter(), 0
        self._serving = True
        try:
            requests = connection.pass_on()
        finally:
            self._serving = False
            connection.served = now
            spent = time.perf_counter() - began + requests * REQUEST
            self._used[connection.address] = self._used_by(connection.address, now) + spent, now
            wait = 0 if self._budget.take(spent) else spent / SHARE
            self._timer = self._loop.call_later(wait, self._serve)

    def _next(self, now: float) -> ClientConnection:
        self._used = {address: used for address, used in self._used.items() if now - used[1] < 5 * FORGET}
        used = {each.address: self._used_by(each.address, now) for each in self._waiting}
        return min(self._waiting, key=lambda each: (used[each.address], self._waiting[each]))

    def _rank(self, connection: ClientConnection) -> tuple[int, int]:
        self._count += 1
        if self._loop.time() - connection.served < RECENT:
            return 2, self._count
        return (0, self._count) if connection.proven else (1, -self._count)

    def _used_by(self, address: str, now: float) -> float:
        seconds, at = self._used.get(address, (0.0, now))
        return seconds * math.exp((at - now) / FORGET)


class ClientConnection(asyncio.Transport, asyncio.Protocol):
    """The protocol of a socket, and the transport of uvicorn's protocol."""

    def __init__(
        self,
        address: str,
        inner: asyncio.Protocol,
        scheduler: ReadScheduler,
        on_lost: Callable[[ClientConnection], None],
    ) -> None:
        super().__init__()
        self.address = address
        """The network of its peer."""
        self.opening: asyncio.Task[None] | None = None
        """Sets it up; with TLS that takes as long as the handshake."""
        self._inner = inner
        self._scheduler = scheduler
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._input = bytearray()
        """What was read and is not yet passed on."""
        self._at_end = False
        """Whether the client has sent all that it will."""
        self._held = False
        """Whether uvicorn wants no input."""
        self.served = -math.inf
        """When input was last passed on."""
        self.proven = False
        """Whether it has brought a complete request."""
        self._state: object = h11.IDLE
        self._since = asyncio.get_running_loop().time()
        """When the request began that is being received, at the earliest."""
        self._writing_paused = False
        self._unsent: tuple[int, float] | None = None
        """Bytes that the client has yet to read, and when `PROGRESS` of them were last read; None while it need not."""

    # --- time

    @property
    def made(self) -> bool:
        """Whether it has been set up."""
        return self._transport is not None

    @property
    def idle(self) -> bool:
        """Whether it carries no complete request and no call, so that closing it costs no answer."""
        if self._transport is None or self._transport.is_closing():
            return True
        return isinstance(self._inner, H11Protocol) and self._inner.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def overdue(self, now: float) -> bool:
        """Whether its client is too slow; to be called once a second."""
        transport = self._transport
        if transport is None:
            return now - self._since > TIMEOUT
        if transport.is_closing() or self._writing_paused:
            left = transport.get_write_buffer_size()
            if self._unsent is None or left <= self._unsent[0] - PROGRESS:
                self._unsent = left, now
            return now - self._unsent[1] > (CLOSE_TIMEOUT if transport.is_closing() else TIMEOUT)
        self._unsent = None
        self._note_state(now)
        return isinstance(self._inner, H11Protocol) and self.idle and now - self._since > TIMEOUT

    def _note_state(self, now: float) -> None:
        """Looks whether another request has begun."""
        if isinstance(self._inner, H11Protocol) and (state := self._inner.conn.their_state) is not self._state:
            self._state = state
            if state in (h11.IDLE, h11.DONE):
                self._since, self.proven = now, True

    # --- as the socket's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._since = asyncio.get_running_loop().time()
        self._inner.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Keeps what was read until its turn."""
        self._input += data
        self._go_on()

    def eof_received(self) -> bool | None:
        """The client sends nothing more; what it sent before is passed on first, except with TLS."""
        self._at_end = True
        if not self._input or self.get_extra_info("sslcontext") is not None:
            return self._inner.eof_received()
        return True

    def pause_writing(self) -> None:
        """The client does not read fast enough."""
        self._writing_paused = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writing_paused = False
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed."""
        self._input.clear()
        self._scheduler.remove(self)
        self._on_lost(self)
        self._inner.connection_lost(error)

    def pass_on(self) -> int:
        """Passes on one piece; returns the number of requests that have begun with it. Called by the scheduler."""
        now, request = asyncio.get_running_loop().time(), self._request
        self._note_state(now)
        piece = bytes(self._input[:PIECE])
        del self._input[:PIECE]
        self._inner.data_received(piece)
        self._note_state(now)
        self._refuse_pipelining()
        if self.is_closing():
            self._input.clear()
        elif self._at_end and not self._input and not self._inner.eof_received():
            self.close()
        else:
            self._go_on()
        return int(self._request is not request)

    @property
    def _request(self) -> object:
        """The request that is being received or answered, or was last."""
        return self._inner.cycle if isinstance(self._inner, H11Protocol) else None

    def _refuse_pipelining(self) -> None:
        """Closes after the response if more requests have arrived already: uvicorn would answer them without a turn."""
        if isinstance(self._inner, H11Protocol) and self._inner.conn.their_state is h11.DONE:
            more, _ = self._inner.conn.trailing_data
            if more and self._inner.cycle is not None:
                self._inner.cycle.keep_alive = False
                self._input.clear()

    def _go_on(self) -> None:
        """Queues for its turn if it has input, else reads."""
        assert self._transport is not None
        if self._held or self._input:
            self._transport.pause_reading()
        elif not self._at_end:
            self._transport.resume_reading()
        if self._input and not self._held:
            self._scheduler.add(self)
        else:
            self._scheduler.remove(self)

    # --- as the transport of uvicorn's protocol

    def pause_reading(self) -> None:
        """Passes on nothing until `resume_reading`."""
        self._held = True

    def resume_reading(self) -> None:
        """Passes on input again."""
        if self._held:
            self._held = False
            if not self.is_closing():
                self._go_on()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replaces uvicorn's protocol: the connection becomes a WebSocket."""
        self._inner = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Uvicorn's protocol."""
        return self._inner

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends."""
        if self._transport is not None:
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Facts about the socket."""
        return self._transport.get_extra_info(name, default) if self._transport is not None else default

    def is_closing(self) -> bool:
        """Whether it is closed, or being closed."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Closes it once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes it at once, even during the TLS handshake."""
        if self._transport is not None:
            self._transport.abort()
        elif self.opening is not None:
            self.opening.cancel()
