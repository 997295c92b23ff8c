"""Everything that depends on the internals of aiortc and aioice is here, and nowhere else.

Stock aiortc decodes in a thread for each call, and discards five good packets for each one
that is lost. So packets are taken where they arrive, at the call's aioice connection, and
decrypted, reordered, decoded and delivered within the datagram's callback. That needs names
that aiortc does not promise. `missing` looks for them at every call: if one has gone, audio
comes through aiortc's own receiver instead, later and at a higher cost.

    RTCIceTransport._connection             where packets arrive
    Connection.data_received(data, component)
    RTCDtlsTransport._rx_srtp               decrypts
    RTCDtlsTransport._send_rtp, RTCRtpSender._ssrc     receiver reports
    RTCRtpSender.__rtp_timestamp            the random origin of our RTP time, for the face
    stun.parse_message(data)                how aioice tells whether a datagram is STUN
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

import aiortc
import av
import numpy as np
import pylibsrtp
from aioice import stun
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket

from nodes.packets import Samples
from nodes.webrtc.transport.receiver import FRAME, RATE
from nodes.webrtc.transport.rtp import ReceptionStatistics

TESTED = ("1.16",)
"""Versions of aiortc whose internals are known to be as listed above."""
MIN_DATAGRAM = 8
"""Bytes of the shortest valid packet, an RTCP header and a source. Anyone can send an empty
datagram, which would end aiortc's connection."""
MAX_QUEUED = 25
"""Packets that may wait to be sent, half a second; beyond that the oldest are dropped."""

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
    """An audio track of packets that are already encoded."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.origin: int | None = None
        """The value that RTP time starts from; None until the first packet was sent."""
        self.sender: aiortc.RTCRtpSender | None = None
        self.sent = 0
        self._packets: deque[av.Packet[Any]] = deque(maxlen=MAX_QUEUED)
        self._reader: asyncio.Future[None] | None = None
        self._last: int | None = None

    @property
    def read(self) -> bool:
        """Whether packets are being sent: aiortc has asked for the first one."""
        return self._reader is not None

    def push(self, payload: bytes, pts: int) -> None:
        """Sends a packet; `pts` is RTP time from 0 on. Dropped while nothing reads the track."""
        if self._reader is None:
            return
        packet = av.Packet(payload)
        packet.pts, packet.time_base = pts, _TIME_BASE
        self._packets.append(packet)
        if not self._reader.done():
            self._reader.set_result(None)

    async def recv(self) -> av.Packet[Any]:
        """Called by aiortc's sender: the next packet, once there is one."""
        if self.readyState != "live":
            raise MediaStreamError
        if self.origin is None and self._last is not None:
            # The sender has sent one packet and asks for the next: this is the RTP time of the former.
            time: int | None = getattr(self.sender, _ORIGIN, None)
            self.origin = None if time is None else (time - self._last) % _WRAP
        while not self._packets:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        packet = self._packets.popleft()
        self._last = packet.pts
        self.sent += 1
        return packet


def ice_connection(receiver: aiortc.RTCRtpReceiver) -> Any:
    """The aioice connection through which a receiver's datagrams come, and through which its transport sends."""
    return receiver.transport.transport._connection


def missing(connection: aiortc.RTCPeerConnection) -> list[str]:
    """The internal names that this aiortc does not have; if empty, packets can be taken as they arrive."""
    transceiver = next(each for each in connection.getTransceivers() if each.kind == "audio")
    dtls = transceiver.receiver.transport
    ice = getattr(dtls.transport, "_connection", None)
    received = getattr(ice, "data_received", None)
    found = {
        "RTCIceTransport._connection": ice is not None,
        "Connection.data_received": received is not None
        and [*inspect.signature(received).parameters] == ["data", "component"],
        "RTCDtlsTransport._rx_srtp": hasattr(dtls, "_rx_srtp"),
        "RTCDtlsTransport._send_rtp": inspect.iscoroutinefunction(getattr(dtls, "_send_rtp", None)),
        "RTCRtpSender._ssrc": hasattr(transceiver.sender, "_ssrc"),
    }
    return [name for name, there in found.items() if not there]


@dataclass(slots=True)
class RtpTap:
    """Takes RTP packets where they arrive; all other datagrams go their usual way."""

    connection: Any
    rejected: int = 0
    """Packets that could not be decrypted: forged, damaged or replayed."""
    datagrams: int = 0
    """Datagrams of any kind."""

    @classmethod
    def on(cls, receiver: aiortc.RTCRtpReceiver, deliver: Callable[[bytes], None]) -> RtpTap:
        """Installs a tap; `deliver` gets each packet decrypted, within the datagram's callback."""
        dtls: Any = receiver.transport
        tap = cls(ice_connection(receiver))
        usual = tap.connection.data_received

        def received(data: bytes, component: int) -> None:
            if len(data) < MIN_DATAGRAM:
                return
            tap.datagrams += 1
            if len(data) < 12 or not 128 <= data[0] < 192 or 192 <= data[1] < 224:
                usual(data, component)  # DTLS, or RTCP (RFC 5761, section 4; RFC 7983)
                return
            if dtls._rx_srtp is None:
                return  # there are no keys yet
            try:
                plain = dtls._rx_srtp.unprotect(data)
            except pylibsrtp.Error:
                tap.rejected += 1
                return
            deliver(plain)

        tap.connection.data_received = received
        return tap

    def remove(self) -> None:
        """Restores the usual way; may be called twice."""
        vars(self.connection).pop("data_received", None)


async def report(sender: aiortc.RTCRtpSender, receiver: aiortc.RTCRtpReceiver, reception: ReceptionStatistics) -> None:
    """Sends the client a receiver report, which aiortc cannot do for packets that it does not see."""
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
    internal: Any = sender
    packet = RtcpRrPacket(ssrc=internal._ssrc, reports=[info])
    with suppress(ConnectionError):  # the call has just ended
        await internal.transport._send_rtp(bytes(packet))


async def _sender_report(receiver: aiortc.RTCRtpReceiver, source: int) -> tuple[int, int]:
    """Of the client's last report: the middle 32 bits of its NTP time, and its age in units of 1/65536 s."""
    for each in (await receiver.getStats()).values():
        if each.type == "remote-outbound-rtp" and each.ssrc == source:
            ago = (datetime.now(UTC) - each.timestamp).total_seconds()
            sent = (each.remoteTimestamp - _NTP).total_seconds()
            return int(sent * 65_536) % _WRAP, max(0, int(ago * 65_536)) % _WRAP
    return 0, 0


async def receive(track: aiortc.MediaStreamTrack, deliver: Callable[[Samples], None]) -> None:
    """Without a tap: delivers audio as aiortc's own receiver gives it, 20 ms at a time, until the track ends."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=FRAME)
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, av.AudioFrame):
            frame.pts = None  # with gaps in them the resampler would complain
            for piece in resampler.resample(frame):
                deliver(piece.to_ndarray().reshape(-1).astype(np.int16, copy=False))
