"""The jitter buffer: takes packets in any order, gives audio in order.

It has no playout clock. Voice detection and recognition need a timeline without gaps, not an
even pace, so a packet that comes in order leaves at once. Only if one is missing does the
buffer wait, and then conceals by the timestamps: the delay returns to zero by itself, and no
received audio is discarded. A stall of the network is not concealed before later packets
prove a loss.

In a pause the client's encoder sends almost nothing (DTX). The silence is then given on the
clock, a little late, so that a turn can end although nothing arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.packet import MILLISECOND

RATE = 48_000
"""Hz of the RTP timestamps of Opus, whatever the rate of the audio."""
START, FLOOR, CAP = 30 * MILLISECOND, 20 * MILLISECOND, 100 * MILLISECOND
"""Nanoseconds that it waits at a gap: initially, at least, at most."""
MARGIN = 10 * MILLISECOND
"""Added to the lateness of a packet, so that the next one as late is in time."""
DECAY = 1_000
"""The wait shrinks by 1 ms per second: by 1/DECAY of the time that passes."""
CONCEALED = RATE // 10
"""Samples that are concealed in a row, at most; a longer gap continues as silence."""
FRAME = RATE // 50
MAX_TIME_JUMP = 5 * RATE
"""A greater jump of the timestamps, in samples, is a restart and not a gap to fill."""
MAX_NUMBER_JUMP = 3_000
"""A greater jump of the sequence numbers, a minute of packets, is another stream."""
MAX_WAITING = 64
"""Packets that are held back at most; then the gap before them is given up."""
DTX_BYTES = 2
"""A packet of at most this size announces silence until the next one."""
DTX_MARGIN = 60 * MILLISECOND
"""How far that silence stays behind the clock, as the next packet may be on its way."""
DTX_MAX = 1_000 * MILLISECOND
"""Nanoseconds of silence that are given without a packet, at most. A client sends one every 400 ms."""

_CELT, _SILK = (120, 240, 480, 960), (480, 960, 1920, 2880)


@dataclass(frozen=True, slots=True)
class Lost:
    """Audio that never came and is to be concealed. Samples at 48 kHz."""

    samples: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Audio that was never sent, or a loss too long to conceal. Samples at 48 kHz."""

    samples: int


Piece = bytes | Lost | Silence
"""What leaves: the payload of a packet, or what takes the place of audio that did not come."""


@dataclass(slots=True)
class JitterCounts:
    """Counts since the call began."""

    received: int = 0
    lost: int = 0
    """Packets that were concealed."""
    gaps: int = 0
    """Stretches of packets in a row that were."""
    late: int = 0
    """Packets that came after they had been concealed."""
    duplicates: int = 0
    restarts: int = 0
    concealed: int = 0
    """Samples at 48 kHz."""
    silence: int = 0
    """Samples at 48 kHz."""


@dataclass(slots=True)  # frozen, it would take several times as long to make
class _HeldPacket:
    time: int
    payload: bytes
    arrived: int


def samples_in(payload: bytes) -> int:
    """Samples at 48 kHz that an Opus packet declares, up to 120 ms; 0 if it is malformed."""
    if not payload:
        return 0
    kind, code = payload[0] >> 3, payload[0] & 3
    length = _CELT[kind & 3] if kind >= 16 else _SILK[kind & 1] if kind >= 12 else _SILK[kind & 3]
    if code == 3:
        frames = payload[1] & 63 if len(payload) > 1 else 0
    else:
        frames = 2 if code else 1
    return length * frames if length * frames <= 6 * FRAME else 0


class JitterBuffer:
    """One stream. Time is an argument, in nanoseconds; wrapped numbers and timestamps are extended as they come."""

    def __init__(self) -> None:
        self.counts = JitterCounts()
        self.wait = START
        """Nanoseconds that it would wait at a gap now."""
        self._waiting: dict[int, _HeldPacket] = {}
        self._next: int | None = None
        """The extended number of the next packet."""
        self._time = 0
        """The timestamp up to which everything has left."""
        self._gone: dict[int, int] = {}
        """Numbers of concealed packets, and when each was first missed."""
        self._silent: _HeldPacket | None = None
        """The DTX packet that was the last to leave: where silence begins."""
        self._decayed: int | None = None

    @property
    def waiting(self) -> int:
        """Packets that are held back."""
        return len(self._waiting)

    def push(self, number: int, timestamp: int, payload: bytes, now: int) -> list[Piece]:
        """Takes a packet as it arrives: number (16 bits), timestamp (32 bits), payload. Returns all that may leave."""
        self.counts.received += 1
        self._decay(now)
        if self._next is None:
            self._next, self._time = number, timestamp
        at = self._next + _signed(number - self._next, 16)
        if abs(at - self._next) > MAX_NUMBER_JUMP:
            return self._restart(number, timestamp, payload, now)
        if at < self._next or at in self._waiting:
            self._repeated(at, now)
            return []
        self._silent = None
        self._waiting[at] = _HeldPacket(self._time + _signed(timestamp - self._time, 32), payload, now)
        return self.poll(now)

    def poll(self, now: int) -> list[Piece]:
        """All that may leave by now. Call it every 20 ms: a wait may be over, or silence due."""
        pieces: list[Piece] = []
        assert self._next is not None or not self._waiting
        while self._waiting and self._next is not None:
            packet = self._waiting.pop(self._next, None)
            if packet is not None:
                self._release(packet, pieces, lost=False)
                self._next += 1
            elif not self._skip(now, pieces):
                break
        self._fill(now, pieces)
        return pieces

    def _skip(self, now: int, pieces: list[Piece]) -> bool:
        """Gives up what is missing, if the wait is over; returns whether it did."""
        assert self._next is not None
        missed = min(packet.arrived for packet in self._waiting.values())
        if now - missed < self.wait and len(self._waiting) <= MAX_WAITING:
            return False
        first = min(self._waiting)
        self.counts.lost += first - self._next
        self.counts.gaps += 1
        for number in range(max(self._next, first - MAX_WAITING), first):
            self._gone[number] = missed
        while len(self._gone) > MAX_WAITING:
            del self._gone[next(iter(self._gone))]
        self._release(self._waiting.pop(first), pieces, lost=True)
        self._next = first + 1
        return True

    def _release(self, packet: _HeldPacket, pieces: list[Piece], *, lost: bool) -> None:
        self._silent = None  # any packet ends the silence before it
        gap = packet.time - self._time
        if abs(gap) > MAX_TIME_JUMP:
            self.counts.restarts += 1
            self._time = packet.time
        elif gap > 0:
            self._bridge(gap, pieces, lost=lost)
        length = samples_in(packet.payload)
        if length:
            pieces.append(packet.payload)
            self._time += length
            if len(packet.payload) <= DTX_BYTES:
                self._silent = _HeldPacket(packet.time + length, b"", packet.arrived)

    def _bridge(self, gap: int, pieces: list[Piece], *, lost: bool) -> None:
        concealed = min(gap, CONCEALED) if lost else 0
        if concealed:
            self.counts.concealed += concealed
            pieces.append(Lost(concealed))
        if gap > concealed:
            self.counts.silence += gap - concealed
            pieces.append(Silence(gap - concealed))
        self._time += gap

    def _fill(self, now: int, pieces: list[Piece]) -> None:
        """Silence on the clock, while the client sends nothing."""
        if self._silent is None or self._waiting:
            return
        passed = min(now - self._silent.arrived, DTX_MAX) - DTX_MARGIN
        missing = self._silent.time + passed * RATE // (1_000 * MILLISECOND) - self._time
        if missing >= FRAME:
            self._bridge(missing - missing % FRAME, pieces, lost=False)

    def _repeated(self, at: int, now: int) -> None:
        """A packet that is a duplicate, or comes after it was concealed."""
        missed = self._gone.pop(at, None)
        if missed is None:
            self.counts.duplicates += 1
            return
        self.counts.late += 1
        self.wait = min(CAP, max(self.wait, now - missed + MARGIN))

    def _restart(self, number: int, timestamp: int, payload: bytes, now: int) -> list[Piece]:
        """Another stream: what is held back of the old one leaves first."""
        pieces: list[Piece] = []
        for _, packet in sorted(self._waiting.items()):
            self._release(packet, pieces, lost=True)
        self.counts.restarts += 1
        self._waiting.clear()
        self._gone.clear()
        self._next, self._time = number, timestamp
        self._silent = None
        self._waiting[number] = _HeldPacket(timestamp, payload, now)
        return pieces + self.poll(now)

    def _decay(self, now: int) -> None:
        if self._decayed is not None:
            self.wait = max(FLOOR, self.wait - max(0, now - self._decayed) // DECAY)
        self._decayed = now


def _signed(difference: int, bits: int) -> int:
    """The difference of two numbers that wrap at so many bits, the shorter way round."""
    half = 1 << bits - 1
    return (difference + half & (1 << bits) - 1) - half
