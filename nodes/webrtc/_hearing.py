"""From a caller's RTP packets to 20 ms of sound at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nodes.packets import Samples
from nodes.webrtc._jitter import JitterBuffer, Lost, Piece, Silence, samples_in
from nodes.webrtc._opus import Decoder
from pipeline.errors import UserInputError
from pipeline.packet import SECOND

RATE = 16_000
FRAME = RATE // 50
_LEAST = RATE // 400
"""Opus conceals in steps of 2.5 ms."""
_CLOCK = 48_000
_DOWN = _CLOCK // RATE
_FIXED = struct.Struct("!BBHII")


@dataclass(slots=True)  # frozen, it would take several times as long to make
class Rtp:
    """What is needed of an RTP packet."""

    kind: int
    """The payload type."""
    number: int
    timestamp: int
    source: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> Rtp | None:
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
class Reception:
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

    def add(self, rtp: Rtp, now: int) -> None:
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


class Hearing:
    """One caller: numbers, jitter buffer, decoder, and frames of 20 ms to `deliver`."""

    def __init__(self, deliver: Callable[[Samples], None]) -> None:
        self.jitter = JitterBuffer()
        self.reception: Reception | None = None
        """None until something has arrived."""
        self.malformed = 0
        """Packets that could not be decoded."""
        self._deliver = deliver
        self._decoder = Decoder(RATE)
        self._rest: Samples = np.zeros(0, np.int16)

    def packet(self, rtp: Rtp, now: int) -> None:
        """Takes a packet as it arrives, and delivers all that may be heard."""
        reception = self.reception
        if reception is None or reception.source != rtp.source:
            self._change(rtp)
        assert self.reception is not None
        self.reception.add(rtp, now)
        self._play(self.jitter.push(rtp.number, rtp.timestamp, rtp.payload, now))

    def poll(self, now: int) -> None:
        """Delivers what has waited for long enough."""
        pieces = self.jitter.poll(now)
        if pieces:
            self._play(pieces)

    def _change(self, rtp: Rtp) -> None:
        """Another stream: the numbers begin anew, the counts go on."""
        self.reception = Reception(rtp.source, rtp.number)
        counts = self.jitter.counts
        self.jitter = JitterBuffer()
        self.jitter.counts = counts

    def _play(self, pieces: list[Piece]) -> None:
        for at, piece in enumerate(pieces):
            if isinstance(piece, bytes):
                self._give(self._decoded(piece))
            elif isinstance(piece, Silence):
                self._give(np.zeros(piece.samples // _DOWN, np.int16))
            else:
                self._conceal(piece, pieces[at + 1] if at + 1 < len(pieces) else None)

    def _decoded(self, payload: bytes) -> Samples:
        try:
            return self._decoder.decode(payload)
        except UserInputError:
            self.malformed += 1
            return self._concealed(samples_in(payload) // _DOWN)

    def _conceal(self, lost: Lost, following: Piece | None) -> None:
        """A guess; of the last lost packet a copy, where the next one carries it."""
        samples = lost.samples // _DOWN
        if isinstance(following, bytes) and self._decoder.recovers(following):
            copied = samples_in(following) // _DOWN
            if copied <= samples:
                self._give(self._concealed(samples - copied))
                self._give(self._decoder.recover(following, copied))
                return
        self._give(self._concealed(samples))

    def _concealed(self, samples: int) -> Samples:
        whole = samples - samples % _LEAST
        guess = self._decoder.conceal(whole) if whole else np.zeros(0, np.int16)
        return guess if whole == samples else np.pad(guess, (0, samples - whole))

    def _give(self, samples: Samples) -> None:
        if not self._rest.size and samples.size == FRAME:
            self._deliver(samples)  # nearly always
            return
        samples = np.concatenate((self._rest, samples))
        whole = samples.size - samples.size % FRAME
        for begin in range(0, whole, FRAME):
            self._deliver(samples[begin : begin + FRAME])
        self._rest = samples[whole:]
