"""All that this package knows of the inside of aiortc; nothing else touches it.

Stock aiortc decodes in a thread of each call and throws five good packets away for each one
that is lost. So the packets are taken where they arrive, at the call's aioice connection,
and are decrypted, put in order, decoded and delivered within the datagram's callback. That
needs names which aiortc does not promise. `missing` looks for them at every call: where one
has gone, sound comes through aiortc's own receiver instead, as before: later and at a
higher cost, but it comes.

    RTCIceTransport._connection             where packets arrive
    Connection.data_received(data, component)
    RTCDtlsTransport._rx_srtp               decrypts
    RTCDtlsTransport._send_rtp, RTCRtpSender._ssrc     receiver reports
    RTCRtpSender.__rtp_timestamp            the random origin of our RTP time, for the face
    stun.parse_message(data)                what aioice asks whether a datagram is STUN
"""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np

from nodes.packets import Samples
from nodes.webrtc.transport.receiver import FRAME, RATE
from nodes.webrtc.transport.rtp import ReceptionStatistics
from pipeline.errors import DependencyError

try:
    import aiortc
    import av
    import pylibsrtp
    from aioice import stun
    from aiortc.mediastreams import MediaStreamError
    from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket
except ImportError as error:
    raise DependencyError(f"calls need the package {error.name}", hint="pip install aiortc") from error

TESTED = ("1.16",)
"""Versions of aiortc whose inside is known to be as written above."""
LEAST = 8
"""Bytes of the shortest packet that is any: RTCP's header and a source. An empty datagram, which
anybody can send, would end aiortc's connection."""
MOST_QUEUED = 25
"""Packets that may wait to be sent: half a second."""

_ORIGIN = "_RTCRtpSender__rtp_timestamp"
_TIME_BASE = Fraction(1, 48_000)
_WRAP = 1 << 32
_NTP = datetime(1900, 1, 1, tzinfo=UTC)


@contextmanager
def drop_malformed_stun() -> Iterator[None]:
    """While it is entered, aioice drops malformed STUN quietly, so that it cannot flood the log.

    Otherwise an attribute of the wrong length, which anyone can send, is an error with a traceback.
    """
    usual = stun.parse_message

    def parse(data: bytes) -> stun.Message:
        try:
            return usual(data)
        except struct.error as error:
            raise ValueError(f"a STUN attribute of the wrong length: {error}") from error

    stun.parse_message = parse
    try:
        yield
    finally:
        stun.parse_message = usual


class PacketTrack(aiortc.MediaStreamTrack):
    """A track of packets that are encoded already."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.origin: int | None = None
        """What RTP time begins with; None before the first packet has gone out."""
        self.sender: aiortc.RTCRtpSender | None = None
        self.sent = 0
        self._packets: deque[av.Packet[Any]] = deque(maxlen=MOST_QUEUED)
        self._reader: asyncio.Future[None] | None = None
        self._last: int | None = None

    def push(self, payload: bytes, pts: int) -> None:
        """Sends a packet; before there is anybody to read, it is dropped."""
        if self._reader is None:
            return
        packet = av.Packet(payload)
        packet.pts, packet.time_base = pts, _TIME_BASE
        self._packets.append(packet)
        if not self._reader.done():
            self._reader.set_result(None)

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when there is one."""
        if self.readyState != "live":
            raise MediaStreamError
        if self.origin is None and self._last is not None:
            # The sender is between two packets: this is the time of the one before.
            time: int | None = getattr(self.sender, _ORIGIN, None)
            self.origin = None if time is None else (time - self._last) % _WRAP
        while not self._packets:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        packet = self._packets.popleft()
        self._last = packet.pts
        self.sent += 1
        return packet


def missing(peer: aiortc.RTCPeerConnection) -> list[str]:
    """The private names that this aiortc does not have; empty: packets can be taken as they arrive."""
    transceiver = next(each for each in peer.getTransceivers() if each.kind == "audio")
    dtls = transceiver.receiver.transport
    connection = getattr(dtls.transport, "_connection", None)
    received = getattr(connection, "data_received", None)
    found = {
        "RTCIceTransport._connection": connection is not None,
        "Connection.data_received": received is not None
        and [*inspect.signature(received).parameters] == ["data", "component"],
        "RTCDtlsTransport._rx_srtp": hasattr(dtls, "_rx_srtp"),
        "RTCDtlsTransport._send_rtp": inspect.iscoroutinefunction(getattr(dtls, "_send_rtp", None)),
        "RTCRtpSender._ssrc": hasattr(transceiver.sender, "_ssrc"),
    }
    return [name for name, there in found.items() if not there]


@dataclass(slots=True)
class RtpTap:
    """Takes RTP packets from where they arrive; everything else goes its usual way."""

    connection: Any
    rejected: int = 0
    """Packets that could not be decrypted: forged, damaged, or a second time."""
    datagrams: int = 0
    """All that has come, of any kind."""

    @classmethod
    def on(cls, receiver: aiortc.RTCRtpReceiver, deliver: Callable[[bytes], None]) -> RtpTap:
        """Puts it in place; `deliver` gets each packet decrypted, within the datagram's callback."""
        dtls: Any = receiver.transport
        tap = cls(dtls.transport._connection)
        usual = tap.connection.data_received

        def received(data: bytes, component: int) -> None:
            if len(data) < LEAST:
                return
            tap.datagrams += 1
            if len(data) < 12 or not 128 <= data[0] < 192 or 192 <= data[1] < 224:
                usual(data, component)  # DTLS, or RTCP (RFC 5761, section 4; RFC 7983)
                return
            if dtls._rx_srtp is None:
                return  # before there are keys nobody can read it
            try:
                plain = dtls._rx_srtp.unprotect(data)
            except pylibsrtp.Error:
                tap.rejected += 1
                return
            deliver(plain)

        tap.connection.data_received = received
        return tap

    def off(self) -> None:
        """Takes it away."""
        vars(self.connection).pop("data_received", None)


async def report(sender: aiortc.RTCRtpSender, receiver: aiortc.RTCRtpReceiver, reception: ReceptionStatistics) -> None:
    """Tells the client what of its sound arrives: aiortc's receiver no longer sees it."""
    last, delay = await _sender_report(receiver, reception.source)
    info = RtcpReceiverInfo(
        ssrc=reception.source,
        fraction_lost=reception.fraction_lost(),
        packets_lost=reception.lost,
        highest_sequence=reception.highest % _WRAP,
        jitter=round(reception.jitter),
        lsr=last,
        dlsr=delay,
    )
    inside: Any = sender
    packet = RtcpRrPacket(ssrc=inside._ssrc, reports=[info])
    with suppress(ConnectionError):  # the call has just ended
        await inside.transport._send_rtp(bytes(packet))


async def _sender_report(receiver: aiortc.RTCRtpReceiver, source: int) -> tuple[int, int]:
    """The middle of the NTP time of the client's last report, and how long ago it came, in 65536ths."""
    for each in (await receiver.getStats()).values():
        if each.type == "remote-outbound-rtp" and each.ssrc == source:
            ago = (datetime.now(UTC) - each.timestamp).total_seconds()
            sent = (each.remoteTimestamp - _NTP).total_seconds()
            return int(sent * 65_536) % _WRAP, max(0, int(ago * 65_536)) % _WRAP
    return 0, 0


async def listen(track: aiortc.MediaStreamTrack, deliver: Callable[[Samples], None]) -> None:
    """The way around: sound as aiortc's own receiver gives it, until the track ends."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=FRAME)
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, av.AudioFrame):
            frame.pts = None  # gaps in it would make the resampler complain
            for piece in resampler.resample(frame):
                deliver(piece.to_ndarray().reshape(-1).astype(np.int16, copy=False))
