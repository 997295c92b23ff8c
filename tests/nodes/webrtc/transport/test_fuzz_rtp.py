"""Fuzzing of RTP and RTCP as a connected client may send them: brief, whatever the packets hold."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from nodes.webrtc.transport.call_guard import FAILURES
from nodes.webrtc.transport.opus import OpusEncoder, library
from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.receiver import AudioReceiver
from nodes.webrtc.transport.rtp import RtpPacket
from pipeline.packet import MILLISECOND
from tests.fuzzing import brief, examples
from tests.nodes.webrtc.client import Client, loopback

NEAR = st.integers(0, 0xFFFF) | st.sampled_from([0, 1, 2, 3, 5, 50, 0x7FFF, 0x8000, 0xFFFF])
CLOCKS = st.integers(0, 0xFFFF_FFFF) | st.sampled_from([0, 960, 1920, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
PAYLOADS = st.binary(max_size=60) | st.sampled_from([b"", b"\xf8", b"\xff\xff\xfe", b"\x4b\x01", b"\x03\x3f" * 20])
RTP = st.builds(
    lambda first, number, clock, source, payload: struct.pack("!BBHII", first, 111, number, clock, source) + payload,
    st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0x8F, 0xBF]) | st.integers(0, 255),
    NEAR,
    CLOCKS,
    st.sampled_from([1, 2]),
    PAYLOADS,
)
PACKETS = st.lists(st.tuples(RTP | st.binary(max_size=40), st.integers(0, 300)), max_size=12)


@pytest.fixture(scope="module", autouse=True)
def opus() -> None:
    """Loaded once, from the disk."""
    library()
    OpusEncoder(24_000, use="voip")


@examples(700)
@given(PACKETS)
def test_fuzz_rtp_is_played_or_ignored(packets: list[tuple[bytes, int]]) -> None:
    """Any numbers, times and payloads, late or early: frames of 20 ms come of it, and no exception."""
    frames: list[int] = []
    receiver = AudioReceiver(lambda samples: frames.append(samples.size))
    now = 0
    for data, later in packets:
        now += later * MILLISECOND
        with brief():
            packet = RtpPacket.parse(data)
            if packet is not None:
                receiver.receive(packet, now)
            receiver.poll(now)
    assert set(frames) <= {320}


KINDS = st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]) | st.integers(0, 255)
RTCP = st.builds(
    lambda count, kind, length, body: struct.pack("!BBH", 0x80 | count & 0x3F, kind, length) + body,
    st.integers(0, 0x3F),
    KINDS,
    st.integers(0, 8) | st.integers(0, 0xFFFF),
    st.binary(max_size=40).map(lambda body: body[: len(body) // 4 * 4]) | st.binary(max_size=40),
)
FITTING = st.builds(
    lambda count, kind, body: struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body,
    st.integers(0, 31),
    KINDS,
    st.binary(max_size=80).map(lambda body: body[: len(body) // 4 * 4]),
)
REPORTS = st.lists(RTCP | FITTING, max_size=20).map(lambda parts: b"".join(parts)[:1_400]) | st.binary(max_size=60)


class Line:
    """A connected call, to whose host RTCP is given as if it had been decrypted."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.unhandled: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.unhandled.append(context))
        self.peer, self.client = self.loop.run_until_complete(self._connected())
        self.dtls: Any = self.peer.connection.sctp.transport  # type: ignore[union-attr]

    async def _connected(self) -> tuple[Peer, Client]:
        with loopback():
            peer, client = Peer(), Client()
            await client.call(peer)
        return peer, client

    def close(self) -> None:
        """Hangs up."""

        async def closing() -> None:
            await self.peer.close()
            await self.client.close()

        self.loop.run_until_complete(closing())
        self.loop.close()


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """One call for all examples."""
    line = Line()
    yield line
    line.close()


@examples(700)
@given(data=REPORTS)
def test_fuzz_rtcp_is_read_or_refused(line: Line, data: bytes) -> None:
    """What aiortc raises for it ends that call in a line (`FAILURES`); everything else would be a traceback."""

    async def give() -> None:
        with brief():
            try:
                await line.dtls._handle_rtcp_data(data)
            except FAILURES:
                return
        await asyncio.sleep(0)  # noqa: TID251 - what it has set off runs

    line.loop.run_until_complete(give())
    assert line.unhandled == []
