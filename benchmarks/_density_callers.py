"""Callers that are light enough for hundreds on one core, with exact times of arrival.

Each has a complete aiortc connection for ICE and DTLS. Its audio is Opus that was encoded in advance;
packets go straight through SRTP to the socket, and may be dropped just before it. Received
packets are recorded at the socket, with the kernel's time of arrival, and then discarded.
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

from benchmarks._density_figures import Arrivals, DeliveredAudio
from nodes.packets import Samples
from nodes.webrtc.protocol import EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack
from nodes.webrtc.transport.opus import OpusEncoder
from nodes.webrtc.transport.sdp import opus_payload_types

RATE = 16_000
"""Hz. Browsers encode at this bandwidth, because our SDP answer asks for it."""
SLOT, SLOTS = 2_000_000, 10
SO_TIMESTAMPNS = 35
_HEADER = struct.Struct("!BBHII")

Drops = Callable[[int], bool]
"""Whether the link drops the packet with this number."""


def never(_: int) -> bool:
    """No losses."""
    return False


def random_loss(share: float, seed: int) -> Drops:
    """Independent losses; never the first packet, which sets the timeline."""
    chance = random.Random(seed)
    return lambda number: chance.random() < share and number > 0


def burst_loss(share: float, mean: float, seed: int) -> Drops:
    """Bursts of losses, with lengths from a geometric distribution."""
    chance, bad = random.Random(seed), False
    begin = share / mean / (1 - share)

    def drop(number: int) -> bool:
        nonlocal bad
        bad = chance.random() >= 1 / mean if bad else chance.random() < begin and number > 0
        return bad

    return drop


def encoded(samples: Samples) -> list[bytes]:
    """Opus packets of 20 ms, encoded like a browser encodes a voice; the samples are at 16 kHz."""
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
        """Starts the process, and stops it at the end of the block."""
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
        """The reply to a request."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("the server has exited; its output is above")
        return json.loads(line)


class StampedSocket:
    """A socket that records each RTP packet with the kernel's time, and hides it from its reader."""

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
        raise BlockingIOError  # tells the event loop that there is nothing to read


class Caller:
    """One caller, which sends `packets` in a loop."""

    def __init__(self, name: str, packets: Sequence[bytes], *, begin: int = 0, drops: Drops = never) -> None:
        self.name = name
        self.arrivals = Arrivals()
        self.sent: list[int] = []
        """When each packet was sent or dropped, in nanoseconds of the monotonic clock."""
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
        """Sends the next packet."""
        number = len(self.sent)
        packet = self._packets[(self._begin + number) % len(self._packets)]
        header = _HEADER.pack(128, self._kind, number & 0xFFFF, number * 960 & 0xFFFF_FFFF, self._source)
        lost = self._drops(number)
        data = b"" if lost else self._protect(header + packet)
        self.sent.append(time.monotonic_ns())
        self.lost.append(lost)
        if not lost:
            self._put(data)

    def heard(self, numbers: Any, times: Any) -> DeliveredAudio:
        """The frames of this caller that the graph received."""
        return DeliveredAudio(numbers, times, np.asarray(self.sent, np.int64), np.asarray(self.lost))

    async def close(self) -> None:
        """Hangs up."""
        await self._peer.close()

    def _take_over(self, dtls: Any) -> None:
        """From now on RTP packets bypass aiortc."""
        self._protect = dtls._tx_srtp.protect
        pair = dtls.transport._connection._nominated[1]
        transport, address = pair.protocol.transport, pair.remote_addr
        self._put = lambda data: transport.sendto(data, address)
        transport._sock = StampedSocket(transport._sock, self.arrivals)


async def speak(callers: Sequence[Caller], seconds: float) -> None:
    """All callers send a packet every 20 ms, a tenth of them every 2 ms; missed packets are sent at once."""
    begin = time.monotonic_ns()
    for slot in range(round(seconds * 1e9 / SLOT)):
        while (left := begin + slot * SLOT - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(left / 1e9)
        for caller in callers[slot % SLOTS :: SLOTS]:
            caller.send()


@asynccontextmanager
async def connected(callers: Sequence[Caller], server: Server) -> Any:
    """Connects all callers, one after the other."""
    usual, aioice.ice.get_host_addresses = aioice.ice.get_host_addresses, _loopback
    try:
        for caller in callers:
            await caller.call(server)
        await asyncio.sleep(0.3)  # until the server's side of the last call is connected
        yield
    finally:
        for caller in callers:
            await caller.close()
        aioice.ice.get_host_addresses = usual


def _loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return ["127.0.0.1"]


def read(file: Path, callers: Sequence[Caller]) -> Iterator[tuple[DeliveredAudio, Samples]]:
    """The frames of each caller that the graph received, from the file that the server wrote."""
    with np.load(file) as arrays:
        for caller in callers:
            numbers, times, samples = (arrays[f"{caller.name} {what}"] for what in ("numbers", "times", "samples"))
            yield caller.heard(numbers, times), samples
