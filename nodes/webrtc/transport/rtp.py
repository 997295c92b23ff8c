"""RTP packets, and the reception statistics that a receiver report carries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.packet import SECOND

_CLOCK = 48_000
_FIXED = struct.Struct("!BBHII")


@dataclass(slots=True)  # frozen, it would take several times as long to make
class RtpPacket:
    """What is needed of an RTP packet."""

    kind: int
    """The payload type."""
    number: int
    timestamp: int
    source: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket | None:
        """None where it is none (RFC 3550, section 5.1)."""
        if len(data) < _FIXED.size:
            return None
        first, second, number, timestamp, source = _FIXED.unpack_from(data)
        begin, end = _FIXED.size + 4 * (first & 15), len(data)
        if first & 0x10 and begin + 4 <= end:  # header extensions: nothing in them is of use here
            begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        if first & 0x20:
            end -= data[-1]
        if first >> 6 != 2 or begin > end:
            return None
        return cls(second & 127, number, timestamp, source, data[begin:end])


@dataclass(slots=True)
class ReceptionStatistics:
    """What a receiver report says of a stream (RFC 3550, section 6.4 and appendix A)."""

    source: int
    first: int
    highest: int = 0
    """The highest number, with the cycles that it has gone through."""
    received: int = 0
    jitter: float = 0.0
    """In RTP time."""
    _transit: int | None = None
    _expected_before: int = 0
    _received_before: int = 0

    def add(self, rtp: RtpPacket, now: int) -> None:
        """Counts a packet that has arrived."""
        highest = self.highest or self.first
        step = (rtp.number - highest + 0x8000 & 0xFFFF) - 0x8000
        self.highest = max(highest, highest + step)
        self.received += 1
        transit = now * _CLOCK // SECOND - rtp.timestamp
        if self._transit is not None:
            difference = (transit - self._transit + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            self.jitter += (abs(difference) - self.jitter) / 16
        self._transit = transit

    @property
    def lost(self) -> int:
        """All packets that have not come; as 24 bits can say it."""
        return max(-0x80_0000, min(0x7F_FFFF, self._expected - self.received))

    def fraction_lost(self) -> int:
        """Of those since the last call, in 256ths."""
        expected, received = self._expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = self._expected, self.received
        return max(0, min(255, (expected - received) * 256 // expected)) if expected > 0 else 0

    @property
    def _expected(self) -> int:
        return self.highest - self.first + 1
