"""A caller on this machine: aiortc as a browser would be, through a network that can lose packets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any
from unittest import mock

import aioice.ice
import aiortc
import av
import numpy as np
from aiortc.mediastreams import MediaStreamError

from nodes.packets import Samples
from nodes.webrtc.protocol import AVATAR, EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack, ice_connection
from nodes.webrtc.transport.opus import OpusEncoder
from nodes.webrtc.transport.peer import Peer
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND

Drop = Callable[[int], bool]


@contextmanager
def loopback() -> Iterator[None]:
    """No other address than this machine's own."""
    with mock.patch.object(aioice.ice, "get_host_addresses", return_value=["127.0.0.1"]):
        yield


class Client:
    """Calls a peer; `events` and `batches` are what it gets, `heard` what it hears at 48 kHz."""

    def __init__(self, *, face: bool = True, drop: Drop = lambda number: False) -> None:
        self.clock = Clock(asyncio.get_running_loop())
        self.connection = aiortc.RTCPeerConnection()
        self.track = PacketTrack()
        self.events: list[str] = []
        self.batches: list[bytes] = []
        self.heard: list[Samples] = []
        self.times: list[int] = []
        """The pts of what was heard, at 48 kHz."""
        self.channel = self.connection.createDataChannel(EVENTS)
        self.channel.on("message", self.events.append)
        if face:
            avatar = self.connection.createDataChannel(AVATAR, ordered=False, maxRetransmits=0)
            avatar.on("message", self.batches.append)
        self.track.sender = self.connection.addTrack(self.track)
        self.connection.on("track", self._listen)
        self._drop = drop
        self._sent = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def call(self, peer: Peer) -> str:
        """Connects; returns the peer's answer."""
        return await self.dial(peer.answer)

    async def dial(self, answering: Callable[[str], Awaitable[str]]) -> str:
        """Connects by an offer that `answering` answers; returns the answer."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        answer = await answering(self.connection.localDescription.sdp)
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer, type="answer"))
        async with asyncio.timeout(10):
            while self.channel.readyState != "open" or not self.track.read:
                await self.clock.sleep(10 * MILLISECOND)
        self._lossy()
        return answer

    async def speak(self, samples: Samples, *, pace: float = 1.0) -> None:
        """Says 48 kHz sound, 20 ms at a time; a lower pace is faster than real time."""
        encoder, start, first = OpusEncoder(48_000, use="voip", bitrate=24_000), self.clock.now(), self._sent
        for number, begin in enumerate(range(0, samples.size - 959, 960)):
            await self.clock.sleep_until(start + round(number * 20 * MILLISECOND * pace))
            self.track.push(encoder.encode(samples[begin : begin + 960]), (first + number) * 960)
        self._sent += samples.size // 960

    async def close(self) -> None:
        """Hangs up."""
        await self.connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _lossy(self) -> None:
        """Puts the seam into the connection: RTP that `drop` chooses never leaves."""
        connection = ice_connection(self.connection.getReceivers()[0])
        usual, number = connection.sendto, 0

        async def send(data: bytes, component: int) -> None:
            nonlocal number
            if 128 <= data[0] < 192 and not 192 <= data[1] < 224:
                number += 1
                if self._drop(number):
                    return
            await usual(data, component)

        connection.sendto = send

    def _listen(self, track: Any) -> None:
        self._tasks.append(asyncio.ensure_future(self._hear(track)))

    async def _hear(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame) and frame.time_base == Fraction(1, 48_000)
            self.heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.int16))
            self.times.append(frame.pts or 0)
