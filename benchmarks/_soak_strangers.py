"""Clients of a soak that are refused, give up, never connect, or only type."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable

import aiortc
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from benchmarks._overload_callers import CANCEL_GRACE
from benchmarks._soak_callers import LENGTH, PAUSE, Soak, forwarded, minted
from benchmarks._soak_figures import CallRecord, Outage

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
EVERY = (0.5, 2.0)
"""Seconds from one act of a stranger to the next."""
JUNK = ("", "null", "{", "[" * 5_000, '{"type": 7}', '{"type": "session.update", "session": []}', "\ud7ff" * 100)
BUSY = {429, 503}


async def offer() -> str:
    """As a client sends it that then does not connect."""
    peer = aiortc.RTCPeerConnection()
    peer.addTransceiver("audio")
    peer.createDataChannel("oai-events")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = str(peer.localDescription.sdp)
    await peer.close()
    return sdp


class Stranger:
    """Does one thing after the other, from an address of its own."""

    def __init__(self, number: int, soak: Soak, sdp: str) -> None:
        self._address = f"203.0.113.{number + 1}"
        self._soak = soak
        self._sdp = sdp
        self._chance = random.Random(1_000 + number)
        self._acts: dict[str, tuple[Callable[[], Awaitable[int]], set[int]]] = {
            "bad offer": (self._bad_offer, {400, *BUSY}),
            "unknown graph": (self._unknown_graph, {404, *BUSY}),
            "wrong key": (self._wrong_key, {401, 429}),
            "invented secret": (self._invented_secret, {401}),
            "never connects": (self._never_connects, {201, *BUSY}),
            "aborts its request": (self._aborts, {0}),
            "aborts the answer": (self._aborts_answer, {0, 201, *BUSY}),
            "junk events": (self._junk_events, {0, *BUSY}),
            "page": (self._page, {200}),
        }

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            name = self._chance.choice(list(self._acts))
            act, expected = self._acts[name]
            began = time.monotonic()
            try:
                async with asyncio.timeout(20):
                    status = await act()
            except (TimeoutError, OSError, httpx.TransportError, WebSocketException) as error:
                if not self._soak.by_kill(time.monotonic()) and not self._soak.by_kill(began):
                    self._soak.ledger.wrong.append(f"stranger, {name}: {error!r}")
            else:
                self._soak.ledger.strangers[f"{name} {status or ''}".strip()] += 1
                if status not in expected and not self._soak.by_kill(time.monotonic()):
                    self._soak.ledger.wrong.append(f"stranger, {name}: answered with {status}")
            await asyncio.sleep(self._chance.uniform(*EVERY))

    async def _post(self, body: str, query: str = "", token: str | None = None) -> int:
        headers = {**(forwarded(self._address) if token is None else forwarded(self._address, token)), **SDP}
        return (await self._soak.http.post(f"{CALLS}{query}", content=body, headers=headers)).status_code

    async def _bad_offer(self) -> int:
        return await self._post("v=0\r\n" + self._chance.choice(("", "a=candidate:" * 500, "m=audio\r\n")))

    async def _unknown_graph(self) -> int:
        return await self._post(self._sdp, "?graph=gone")

    async def _wrong_key(self) -> int:
        # From an address of its own each time: ten from one would lock that out, as they should.
        headers = {**forwarded(f"192.0.2.{self._chance.randrange(1, 255)}", "a-wrong-key"), **SDP}
        return (await self._soak.http.post(CALLS, content=self._sdp, headers=headers)).status_code

    async def _invented_secret(self) -> int:
        return await self._post(self._sdp, token=f"ek_{self._chance.randrange(10**9)}")

    async def _never_connects(self) -> int:
        return await self._post(self._sdp)

    async def _aborts(self) -> int:
        url = self._soak.http.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST {CALLS} HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 5000\r\n\r\nv=0".encode())
        await writer.drain()
        await asyncio.sleep(self._chance.uniform(0, 1))
        writer.transport.abort()
        return 0

    async def _aborts_answer(self) -> int:
        try:
            async with asyncio.timeout(self._chance.uniform(0.001, 0.1)):
                return await self._post(self._sdp)
        except TimeoutError:
            return 0

    async def _junk_events(self) -> int:
        try:
            async with dialled(self._soak, await minted(self._soak, self._address), self._address) as socket:
                for junk in JUNK:
                    await socket.send(junk)
                await asyncio.sleep(0.5)
                if self._chance.random() < 0.5:
                    socket.transport.abort()
        except InvalidStatus as error:
            return error.response.status_code
        return 0

    async def _page(self) -> int:
        return (await self._soak.http.get("/graphs")).status_code


def dialled(soak: Soak, secret: str, address: str) -> connect:
    """A call by WebSocket."""
    url = str(soak.http.base_url).replace("http", "ws", 1).rstrip("/")
    protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
    headers = {"X-Forwarded-For": address}
    return connect(f"{url}/v1/realtime", subprotocols=protocols, additional_headers=headers, proxy=None)


class Typist:
    """Calls by WebSocket and types; reconnects as the page does, when the socket breaks."""

    def __init__(self, number: int, soak: Soak) -> None:
        self._name = f"typist-{number}"
        self._address = f"198.51.100.{number + 101}"
        self._soak = soak
        self._chance = random.Random(2_000 + number)
        self._renewal = ""

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            try:
                self._renewal = await minted(self._soak, self._address)
                await self._call()
            except InvalidStatus as error:
                self._soak.ledger.refusals[f"{error.response.status_code}"] += 1
                await asyncio.sleep(float(error.response.headers.get("Retry-After", "5")))
            except (OSError, TimeoutError, httpx.TransportError, WebSocketException) as error:
                if not self._soak.by_kill(time.monotonic()):
                    self._soak.ledger.wrong.append(f"{self._name} could not call: {error!r}")
                await asyncio.sleep(1)
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def _call(self) -> None:
        end = time.monotonic() + self._chance.uniform(*LENGTH)
        record: CallRecord | None = None
        try:
            while time.monotonic() < end:
                try:
                    async with dialled(self._soak, self._renewal, self._address) as socket:
                        await self._created(socket)
                        record = record or CallRecord(time.monotonic())
                        self._connected(record)
                        await self._converse(socket, end)
                        return
                except ConnectionClosed:
                    if record is None:
                        raise
                    now = time.monotonic()
                    record.outages.append(Outage(now, end, "the socket broke", self._soak.by_kill(now)))
                    if not record.outages[-1].killed:
                        self._soak.ledger.wrong.append(f"{self._name}: the socket broke")
                    await asyncio.sleep(0.3)
        finally:
            if record is not None:
                record.ended = time.monotonic()
                self._soak.ledger.calls.append(record)

    def _connected(self, record: CallRecord) -> None:
        if record.outages:
            record.outages[-1].ended = time.monotonic()
            if record.outages[-1].killed:
                self._soak.ledger.back.append(time.monotonic() - self._soak.killed_at)

    async def _created(self, socket: ClientConnection) -> None:
        async for message in socket:
            event = json.loads(message)
            if event["type"] == "session.created":
                self._renewal = event["session"]["client_secret"]["value"]
                return

    async def _converse(self, socket: ClientConnection, end: float) -> None:
        ledger = self._soak.ledger
        while time.monotonic() < end:
            content = [{"type": "input_text", "text": self._chance.choice(("What time is it?", "Tell me a story."))}]
            item = {"type": "message", "role": "user", "content": content}
            try:
                await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
                await socket.send(json.dumps({"type": "response.create"}))
                async with asyncio.timeout(CANCEL_GRACE):
                    await self._answered(socket)
            except TimeoutError:
                ledger.asked += 1
                ledger.wrong.append(f"{self._name}: no answer within {CANCEL_GRACE:.0f} s")
            except ConnectionClosed:
                killed = self._soak.by_kill(time.monotonic())
                ledger.asked, ledger.cut = ledger.asked + (not killed), ledger.cut + killed
                raise
            else:
                ledger.asked, ledger.answered = ledger.asked + 1, ledger.answered + 1
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def _answered(self, socket: ClientConnection) -> None:
        started = False
        async for message in socket:
            kind = json.loads(message)["type"]
            started = started or kind == "output_audio_buffer.started"
            if started and kind == "response.done":
                return
        raise ConnectionResetError  # closed in good order, which the host has no reason for
