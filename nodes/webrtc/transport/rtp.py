"""RTP packets, and the statistics of a stream that a receiver report carries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.packet import SECOND

_CLOCK = 48_000
_FIXED_HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)  # frozen, it would take several times as long to make
class RtpPacket:
    """The parts of an RTP packet that are used here."""

    payload_type: int
    number: int
    """The sequence number, 16 bits."""
    timestamp: int
    """At 48 kHz, 32 bits."""
    source: int
    """The SSRC."""
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket | None:
        """None if the data is no RTP packet (RFC 3550, section 5.1)."""
        if len(data) < _FIXED_HEADER.size:
            return None
        first, second, number, timestamp, source = _FIXED_HEADER.unpack_from(data)
        begin, end = _FIXED_HEADER.size + 4 * (first & 15), len(data)
        if first & 0x10 and begin + 4 <= end:  # skips header extensions
            begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        if first & 0x20:
            end -= data[-1]
        if first >> 6 != 2 or begin > end:
            return None
        return cls(second & 127, number, timestamp, source, data[begin:end])


@dataclass(slots=True)
class ReceptionStatistics:
    """What a receiver report says of one stream (RFC 3550, section 6.4 and appendix A)."""

    source: int
    first: int
    """The first sequence number."""
    highest: int = 0
    """The highest sequence number, extended by the count of its cycles."""
    received: int = 0
    jitter: float = 0.0
    """The interarrival jitter, in units of RTP time (section 6.4.1): J += (|D| - J) / 16 with each packet, where D is
    the difference of its transit time to that of the packet that came before it."""
    _transit: int | None = None
    _expected_before: int = 0
    _received_before: int = 0

    def add(self, packet: RtpPacket, now: int) -> None:
        """Counts a packet that has arrived; `now` in nanoseconds."""
        highest = self.highest or self.first
        step = (packet.number - highest + 0x8000 & 0xFFFF) - 0x8000
        self.highest = max(highest, highest + step)
        self.received += 1
        transit = now * _CLOCK // SECOND - packet.timestamp
        if self._transit is not None:
            difference = (transit - self._transit + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            self.jitter += (abs(difference) - self.jitter) / 16
        self._transit = transit

    @property
    def jitter_ms(self) -> float:
        """The interarrival jitter in milliseconds."""
        return self.jitter * 1000 / _CLOCK

    @property
    def lost(self) -> int:
        """Packets that have not come, clipped to 24 bits; negative if there were duplicates."""
        return max(-0x80_0000, min(0x7F_FFFF, self._expected - self.received))

    def fraction_lost(self) -> int:
        """The fraction lost since the last call, in 256ths: 0 to 255."""
        expected, received = self._expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = self._expected, self.received
        return max(0, min(255, (expected - received) * 256 // expected)) if expected > 0 else 0

    @property
    def _expected(self) -> int:
        return self.highest - self.first + 1
