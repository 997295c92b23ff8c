"""The callers of `short_calls.py`: each kind is one way in which a call can go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import aiortc
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from nodes.webrtc.protocol import EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
TYPED = (
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Yes?"}]},
    },
    {"type": "response.create"},
)
LONGEST = 20.0
"""Seconds that one call may take."""
JUNK = 700
"""Events that are none: more than a host reads before it hangs up."""

_address = count()


def forwarded() -> dict[str, str]:
    """The header by which a call comes from an address of its own; there are 200 of them."""
    return {"X-Forwarded-For": f"198.51.100.{next(_address) % 200 + 1}"}


Kind = Callable[[httpx.AsyncClient], Awaitable[None]]


class PeerCall:
    """A call by WebRTC, and the types of the events that came."""

    def __init__(self) -> None:
        self.location = ""
        self._peer = aiortc.RTCPeerConnection()
        self._peer.addTrack(PacketTrack())
        self._channel = self._peer.createDataChannel(EVENTS)
        self._channel.on("message", self._received)
        self._seen: dict[str, asyncio.Event] = {}

    async def offer(self, http: httpx.AsyncClient) -> str:
        """Makes the call; returns the answer."""
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await http.post(CALLS, content=self._peer.localDescription.sdp, headers=SDP)
        answer.raise_for_status()
        self.location = answer.headers["location"]
        return answer.text

    async def open(self, http: httpx.AsyncClient) -> None:
        """Makes the call and connects."""
        answer = await self.offer(http)
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer, type="answer"))
        await self.seen("session.created")

    def send(self, *events: Any) -> None:
        """Sends events."""
        for event in events:
            self._channel.send(json.dumps(event))

    async def seen(self, kind: str) -> None:
        """Waits for an event."""
        await self._seen.setdefault(kind, asyncio.Event()).wait()

    async def close(self) -> None:
        """Ends it with a goodbye."""
        await self._peer.close()

    def vanish(self) -> None:
        """Sends nothing more, not even a goodbye."""
        ice: Any = self._peer.getSenders()[0].transport.transport
        for protocol in ice._connection._protocols:
            protocol.transport.abort()

    def _received(self, message: Any) -> None:
        if isinstance(message, str):
            self._seen.setdefault(json.loads(message)["type"], asyncio.Event()).set()


@asynccontextmanager
async def _peer() -> AsyncIterator[PeerCall]:
    call = PeerCall()
    try:
        yield call
    finally:
        await call.close()


# --- by WebRTC


async def talked(http: httpx.AsyncClient) -> None:
    """A question and its answer, then a goodbye over HTTP."""
    async with _peer() as call:
        await call.open(http)
        call.send(*TYPED)
        await call.seen("response.done")
        await http.delete(call.location)


async def interrupted(http: httpx.AsyncClient) -> None:
    """The client leaves while the answer is being said."""
    async with _peer() as call:
        await call.open(http)
        call.send(*TYPED)
        await call.seen("output_audio_buffer.started")


async def vanished(http: httpx.AsyncClient) -> None:
    """The network of the client is gone."""
    async with _peer() as call:
        await call.open(http)
        call.vanish()


async def connected_only(http: httpx.AsyncClient) -> None:
    """Nothing is said."""
    async with _peer() as call:
        await call.open(http)


async def never_connected(http: httpx.AsyncClient) -> None:
    """The offer comes to nothing; the host gives the call up by itself."""
    async with _peer() as call:
        await call.offer(http)


async def aborted(http: httpx.AsyncClient) -> None:
    """The client hangs up before it is connected."""
    async with _peer() as call:
        await call.offer(http)
        await http.delete(call.location)


async def flooding(http: httpx.AsyncClient) -> None:
    """Events that are none, until the host hangs up."""
    async with _peer() as call:
        await call.open(http)
        call.send(*["junk"] * JUNK)
        await call.seen("error")


# --- refused


async def bad_offer(http: httpx.AsyncClient) -> None:
    """No SDP, or one that cannot be answered."""
    await http.post(CALLS, content=b"v=0\r\n" + b"a=x\r\n" * 100, headers=SDP)


async def bad_form(http: httpx.AsyncClient) -> None:
    """A form in another character set."""
    await http.post(CALLS, content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"})


async def unknown_graph(http: httpx.AsyncClient) -> None:
    """A graph that there is not."""
    await http.post(f"{CALLS}?graph=gone", content=b"v=0\r\n", headers=SDP)


async def refused_socket(http: httpx.AsyncClient) -> None:
    """The same by WebSocket."""
    with suppress(InvalidStatus):
        await connect(_url(http) + "?graph=gone", proxy=None, additional_headers=forwarded())


# --- by WebSocket


async def typed(http: httpx.AsyncClient) -> None:
    """A question and its answer."""
    async with connect(_url(http), proxy=None, additional_headers=forwarded()) as socket:
        await _ask(socket, "response.done")


async def typed_with_secret(http: httpx.AsyncClient) -> None:
    """The same with a client secret."""
    secret = (await http.post("/v1/realtime/client_secrets")).json()["value"]
    async with connect(
        _url(http), proxy=None, additional_headers={**forwarded(), "Authorization": f"Bearer {secret}"}
    ) as socket:
        await _ask(socket, "response.done")


async def aborted_socket(http: httpx.AsyncClient) -> None:
    """The client is gone while the answer is being said."""
    async with connect(_url(http), proxy=None, additional_headers=forwarded()) as socket:
        await _ask(socket, "output_audio_buffer.started")
        socket.transport.abort()


async def flooding_socket(http: httpx.AsyncClient) -> None:
    """Events that are none, until the host hangs up."""
    with suppress(ConnectionClosed):
        async with connect(_url(http), proxy=None, additional_headers=forwarded()) as socket:
            for _ in range(JUNK):
                await socket.send("junk")
            while True:
                await socket.recv()


async def _ask(socket: ClientConnection, until: str) -> None:
    for event in TYPED:
        await socket.send(json.dumps(event))
    while json.loads(await socket.recv())["type"] != until:
        pass


def _url(http: httpx.AsyncClient) -> str:
    return str(http.base_url).replace("http://", "ws://").rstrip("/") + "/v1/realtime"


KINDS: tuple[Kind, ...] = (
    talked,
    typed,
    interrupted,
    bad_offer,
    connected_only,
    typed_with_secret,
    aborted,
    unknown_graph,
    aborted_socket,
    talked,
    bad_form,
    never_connected,
    typed,
    refused_socket,
    flooding_socket,
    vanished,
    interrupted,
    flooding,
)
"""In this order, over and over."""
