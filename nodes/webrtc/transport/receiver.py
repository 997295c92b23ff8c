"""From a caller's RTP packets to 20 ms of sound at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nodes.packets import Samples
from nodes.webrtc.transport.jitter import JitterBuffer, Lost, Piece, Silence, samples_in
from nodes.webrtc.transport.opus import OpusDecoder
from nodes.webrtc.transport.rtp import ReceptionStatistics, RtpPacket
from pipeline.errors import UserInputError

RATE = 16_000
FRAME = RATE // 50
_LEAST = RATE // 400
"""Opus conceals in steps of 2.5 ms."""
_DOWN = 48_000 // RATE


class AudioReceiver:
    """One caller: numbers, jitter buffer, decoder, and frames of 20 ms to `deliver`."""

    def __init__(self, deliver: Callable[[Samples], None]) -> None:
        self.jitter = JitterBuffer()
        self.reception: ReceptionStatistics | None = None
        """None until something has arrived."""
        self.malformed = 0
        """Packets that could not be decoded."""
        self._deliver = deliver
        self._decoder = OpusDecoder(RATE)
        self._rest: Samples = np.zeros(0, np.int16)

    def packet(self, rtp: RtpPacket, now: int) -> None:
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

    def _change(self, rtp: RtpPacket) -> None:
        """Another stream: the numbers begin anew, the counts go on."""
        self.reception = ReceptionStatistics(rtp.source, rtp.number)
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
