"""Attacks by HTTP and WebSocket, mostly by somebody who has no call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.hostile.attacker import SHARE
from tests.hostile.honest import CALLS, wait
from tests.hostile.wire import (
    CONTINUATION,
    PING,
    TEXT,
    Wire,
    frame,
    request,
    web_socket,
    wires,
)

SECONDS = 4.0 * SHARE
"""How long an attack lasts unless it says otherwise."""
FORM = "Content-Type: multipart/form-data; boundary=x"
OFFER = b"v=0\r\n"


async def _until_over(work: Callable[[], Awaitable[None]], seconds: float = SECONDS) -> None:
    """Does it again and again."""
    now = asyncio.get_running_loop().time
    end = now() + seconds
    while now() < end:
        await work()


async def _each(made: list[Wire], work: Callable[[Wire], Awaitable[None]]) -> None:
    """Does it on all connections at once, for as long as an attack lasts."""
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(work(wire) for wire in made))
    except TimeoutError:
        pass


# --- connections


async def idle_connections(address: str) -> None:
    """Connections that say nothing."""
    async with wires(address, 600):
        await wait(SECONDS)


async def reconnecting(address: str) -> None:
    """Connections that are closed at once, hundreds a second."""

    async def again() -> None:
        async with wires(address, 20):
            await wait(0.01)

    await _until_over(again)


async def slow_headers(address: str) -> None:
    """Requests whose heads never end, a line a second."""

    async def trickle(wire: Wire) -> None:
        await wire.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        while wire.open:
            await wire.write(b"X-More: 1\r\n")
            await wait(0.2)

    async with wires(address, 200) as made:
        await _each(made, trickle)


async def slow_bodies(address: str) -> None:
    """Bodies that come byte by byte, wanted or not."""

    async def trickle(wire: Wire) -> None:
        await wire.write(request("POST", CALLS, "Content-Type: application/sdp", "Content-Length: 60000"))
        while wire.open:
            await wire.write(b"v")
            await wait(0.05)

    async with wires(address, 200) as made:
        await _each(made, trickle)


async def unread_responses(address: str) -> None:
    """Asks for much, and reads nothing."""

    async def ask(wire: Wire) -> None:
        wire.stop_reading()
        while wire.open:
            await wire.write(request("GET", "/openapi.json") * 100)

    async with wires(address, 50) as made:
        await _each(made, ask)


async def pipelined_requests(address: str) -> None:
    """Thousands of requests at once on each connection."""

    async def ask(wire: Wire) -> None:
        reading = asyncio.create_task(wire.discard())
        while wire.open:
            await wire.write(request("GET", "/graphs") * 200)
        reading.cancel()

    async with wires(address, 8) as made:
        await _each(made, ask)


async def request_flood(address: str) -> None:
    """As many requests as the host answers, on 50 connections."""

    async def ask(wire: Wire) -> None:
        while wire.open:
            await wire.write(request("GET", "/nowhere"))
            await wire.head()

    async with wires(address, 50) as made:
        await _each(made, ask)


async def tiny_chunks(address: str) -> None:
    """A body in chunks of one byte."""

    async def send() -> None:
        async with wires(address, 4) as made:
            for wire in made:
                await wire.write(
                    request("POST", CALLS, "Content-Type: application/sdp", "Transfer-Encoding: chunked")
                    + b"1\r\nv\r\n" * 60_000
                )
            await asyncio.gather(*(wire.read() for wire in made))

    await _until_over(send)


async def many_headers(address: str) -> None:
    """Heads of thousands of short lines."""

    async def send() -> None:
        async with wires(address, 4) as made:
            for wire in made:
                await wire.write(request("GET", "/", *["a:b"] * 12_000))
            await asyncio.gather(*(wire.read() for wire in made))

    await _until_over(send)


async def garbage(address: str) -> None:
    """What is no HTTP at all."""

    async def send() -> None:
        async with wires(address, 10) as made:
            for wire in made:
                await wire.write(b"\x16\x03\x01\x02\0\r\n\r\n" * 10)
            await asyncio.gather(*(wire.read() for wire in made))

    await _until_over(send)


# --- forms


async def _post_form(address: str, part: bytes, header: str = FORM) -> None:
    async with wires(address, 1) as made:
        for wire in made:
            await wire.write(request("POST", CALLS, header, "Connection: close", body=part))
            await wire.read()


def _field(name: str, value: bytes, *more: bytes) -> bytes:
    lines = [b"--x", b'Content-Disposition: form-data; name="' + name.encode() + b'"', *more, b"", value]
    return b"\r\n".join(lines) + b"\r\n"


async def form_charset(address: str) -> None:
    """Fields in a codec whose decoder is quadratic."""
    body = _field("sdp", b"a" * 63_000) + _field("session", b"a" * 63_000) + b"--x--\r\n"
    await _until_over(lambda: _post_form(address, body, f"{FORM}; charset=punycode"))


async def form_headers(address: str) -> None:
    """A part with a very long head."""
    body = _field("sdp", OFFER, *[b"a: b"] * 20_000) + b"--x--\r\n"
    await _until_over(lambda: _post_form(address, body))


async def form_boundaries(address: str) -> None:
    """What looks like the boundary nearly everywhere."""
    body = _field("sdp", OFFER + b"\r\n--y" * 20_000) + b"--x--\r\n"
    await _until_over(lambda: _post_form(address, body))


async def form_numbers(address: str) -> None:
    """A session of very long numbers."""
    body = _field("sdp", OFFER) + _field("session", b'{"a": ' + b"7" * 60_000 + b"}") + b"--x--\r\n"
    await _until_over(lambda: _post_form(address, body))


# --- WebSockets


async def _flood(address: str, data: bytes, *, read: bool = True) -> None:
    """Four calls that send the same again and again until they are hung up; each calls again after a second."""

    async def flood() -> None:
        async with web_socket(address) as wire:
            if not read:
                wire.stop_reading()
            reading = asyncio.create_task(wire.discard())
            while wire.open:
                await wire.write(data)
            reading.cancel()

    async def one() -> None:
        with suppress(OSError, AssertionError):
            await flood()
        await wait(1)

    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(_until_over(one) for _ in range(4)))
    except TimeoutError:
        pass


def _event(kind: str, **more: object) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **more}).encode())


async def socket_pings(address: str) -> None:
    """Pings, each of which wants a pong."""
    await _flood(address, frame(PING) * 2_000)


async def socket_fragments(address: str) -> None:
    """A message of empty fragments that never ends."""
    await _flood(address, frame(TEXT, final=False) + frame(CONTINUATION, final=False) * 20_000)


async def socket_junk(address: str) -> None:
    """Events that are none."""
    await _flood(address, frame(TEXT, b"{") * 2_000)


async def socket_unread_errors(address: str) -> None:
    """The same, but the errors are not read."""
    await _flood(address, frame(TEXT, b"{") * 2_000, read=False)


async def socket_long_events(address: str) -> None:
    """Events as long as is allowed, of which all is parsed."""
    await _flood(address, _event("session.update", session={}, x=[[]] * 15_000) * 4)


async def socket_instructions(address: str) -> None:
    """New instructions all the time."""
    flip = [_event("session.update", session={"instructions": each * 30_000}) for each in "ab"]
    await _flood(address, b"".join(flip) * 2)


async def socket_responses(address: str) -> None:
    """Asks for one answer after the other, and waits for none."""
    content = [{"type": "input_text", "text": "What time is it?"}]
    item = {"type": "message", "role": "user", "content": content}
    await _flood(address, (_event("conversation.item.create", item=item) + _event("response.create")) * 200)


CONNECTIONS = (idle_connections, reconnecting, slow_headers, slow_bodies, unread_responses)
REQUESTS = (pipelined_requests, request_flood, tiny_chunks, many_headers, garbage)
FORMS = (form_charset, form_headers, form_boundaries, form_numbers)
SOCKETS = (
    socket_pings,
    socket_fragments,
    socket_junk,
    socket_unread_errors,
    socket_long_events,
    socket_instructions,
    socket_responses,
)
