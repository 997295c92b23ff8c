"""The callers: light enough that hundreds fit on one core, and exact about when a packet came.

Each is a whole aiortc connection for ICE and DTLS. Its sound is Opus that was encoded before;
packets go from here straight through SRTP to the socket, and may be dropped just before it.
What comes is looked at on the socket, with the kernel's time of arrival, and goes no further.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aioice.ice
import aiortc
import numpy as np

from benchmarks._density_figures import Arrivals, TranscriptUpdate
from nodes.packets import Samples
from nodes.webrtc.protocol import EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack
from nodes.webrtc.transport.opus import OpusEncoder
from nodes.webrtc.transport.sdp import opus_payload_types

RATE = 16_000
"""Browsers encode at this bandwidth, for our answer asks for it."""
SLOT, SLOTS = 2_000_000, 10
SO_TIMESTAMPNS = 35
_HEADER = struct.Struct("!BBHII")

Drops = Callable[[int], bool]
"""Whether the link drops the packet of this number."""


def never(_: int) -> bool:
    """A clean link."""
    return False


def random_loss(share: float, seed: int) -> Drops:
    """Each packet by itself; never the first, on which the timeline stands."""
    chance = random.Random(seed)
    return lambda number: chance.random() < share and number > 0


def burst_loss(share: float, mean: float, seed: int) -> Drops:
    """Runs of lost packets of geometric length."""
    chance, bad = random.Random(seed), False
    begin = share / mean / (1 - share)

    def drop(number: int) -> bool:
        nonlocal bad
        bad = chance.random() >= 1 / mean if bad else chance.random() < begin and number > 0
        return bad

    return drop


def encoded(samples: Samples) -> list[bytes]:
    """Packets of 20 ms of 16 kHz sound, as a browser makes them of a voice."""
    encoder = OpusEncoder(RATE, use="voip", bitrate=24_000)
    frame = encoder.frame
    return [encoder.encode(samples[at : at + frame]) for at in range(0, samples.size - frame + 1, frame)]


class Server:
    """The process under measurement."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def run(cls, which: str, speech: Path, *, core: int, keep: bool = False) -> Any:
        """Starts it; ends it when it is left."""
        program = ("-m", "benchmarks._density_server", which, str(core), str(speech), "keep" if keep else "forget")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22
        )
        try:
            yield cls(process)
            assert process.stdin is not None
            process.stdin.close()
            async with asyncio.timeout(60):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def ask(self, do: str, **more: Any) -> Any:
        """The answer to a question."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("the server has ended; what it wrote is above")
        return json.loads(line)


class StampedSocket:
    """A socket that notes each RTP packet with the kernel's time, and keeps it from whoever reads."""

    def __init__(self, inner: Any, arrivals: Arrivals) -> None:
        inner.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._inner = inner
        self._arrivals = arrivals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        data, ancillary, _, address = self._inner.recvmsg(size, 64)
        if len(data) < 12 or not 128 <= data[0] < 192 or 192 <= data[1] < 224:
            return data, address
        _, _, number, stamp, _ = _HEADER.unpack_from(data)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        self._arrivals.add(seconds * 1_000_000_000 + nanoseconds, stamp, number, len(data))
        raise BlockingIOError  # to the event loop: there is nothing, it will look again


class Caller:
    """One caller, who says `packets` over and over."""

    def __init__(self, name: str, packets: Sequence[bytes], *, begin: int = 0, drops: Drops = never) -> None:
        self.name = name
        self.arrivals = Arrivals()
        self.sent: list[int] = []
        """When each packet went out, or was dropped: nanoseconds of the monotonic clock."""
        self.lost: list[bool] = []
        self._packets = packets
        self._begin = begin
        self._drops = drops
        self._peer = aiortc.RTCPeerConnection()
        self._protect: Callable[[bytes], bytes]
        self._put: Callable[[bytes], None]
        self._source = 0
        self._kind = 0

    async def call(self, server: Server) -> None:
        """Connects."""
        sender: Any = self._peer.addTrack(PacketTrack())
        channel = self._peer.createDataChannel(EVENTS)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await server.ask("answer", name=self.name, offer=self._peer.localDescription.sdp)
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer, type="answer"))
        async with asyncio.timeout(20):
            while channel.readyState != "open":  # noqa: ASYNC110 - an event would have to be set by the same look
                await asyncio.sleep(0.005)
        self._kind, self._source = min(opus_payload_types(answer)), sender._ssrc
        self._take_over(sender.transport)

    def send(self) -> None:
        """The next packet."""
        number = len(self.sent)
        packet = self._packets[(self._begin + number) % len(self._packets)]
        header = _HEADER.pack(128, self._kind, number & 0xFFFF, number * 960 & 0xFFFF_FFFF, self._source)
        lost = self._drops(number)
        data = b"" if lost else self._protect(header + packet)
        self.sent.append(time.monotonic_ns())
        self.lost.append(lost)
        if not lost:
            self._put(data)

    def heard(self, numbers: Any, times: Any) -> TranscriptUpdate:
        """What came of it at the other side."""
        return TranscriptUpdate(numbers, times, np.asarray(self.sent, np.int64), np.asarray(self.lost))

    async def close(self) -> None:
        """Hangs up."""
        await self._peer.close()

    def _take_over(self, dtls: Any) -> None:
        """From here on RTP passes aiortc by."""
        self._protect = dtls._tx_srtp.protect
        pair = dtls.transport._connection._nominated[1]
        transport, address = pair.protocol.transport, pair.remote_addr
        self._put = lambda data: transport.sendto(data, address)
        transport._sock = StampedSocket(transport._sock, self.arrivals)


async def speak(callers: Sequence[Caller], seconds: float) -> None:
    """All callers say a packet every 20 ms, a tenth of them every 2 ms; what is behind is caught up at once."""
    begin = time.monotonic_ns()
    for slot in range(round(seconds * 1e9 / SLOT)):
        while (left := begin + slot * SLOT - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(left / 1e9)
        for caller in callers[slot % SLOTS :: SLOTS]:
            caller.send()


@asynccontextmanager
async def connected(callers: Sequence[Caller], server: Server) -> Any:
    """All callers in their calls, one after the other."""
    usual, aioice.ice.get_host_addresses = aioice.ice.get_host_addresses, _loopback
    try:
        for caller in callers:
            await caller.call(server)
        await asyncio.sleep(0.3)  # the server's side of the last one
        yield
    finally:
        for caller in callers:
            await caller.close()
        aioice.ice.get_host_addresses = usual


def _loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return ["127.0.0.1"]


def read(file: Path, callers: Sequence[Caller]) -> Iterator[tuple[TranscriptUpdate, Samples]]:
    """What the server has written of each caller."""
    with np.load(file) as arrays:
        for caller in callers:
            numbers, times, samples = (arrays[f"{caller.name} {what}"] for what in ("numbers", "times", "samples"))
            yield caller.heard(numbers, times), samples
