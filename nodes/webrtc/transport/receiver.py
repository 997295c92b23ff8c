"""From a client's RTP packets to frames of 20 ms."""

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
"""Samples of 20 ms."""
_CONCEALMENT_STEP = RATE // 400
"""Opus conceals in steps of 2.5 ms."""
_DOWN = 48_000 // RATE


class AudioReceiver:
    """Reorders and decodes one client's packets; `deliver` gets int16 samples of shape (320,) at 16 kHz."""

    def __init__(self, deliver: Callable[[Samples], None]) -> None:
        self.jitter = JitterBuffer()
        self.reception: ReceptionStatistics | None = None
        """None until a packet has arrived."""
        self.malformed = 0
        """Packets that could not be decoded."""
        self._deliver = deliver
        self._decoder = OpusDecoder(RATE)
        self._rest: Samples = np.zeros(0, np.int16)

    def receive(self, packet: RtpPacket, now: int) -> None:
        """Takes a packet as it arrives, and delivers all that is ready; `now` in nanoseconds."""
        reception = self.reception
        if reception is None or reception.source != packet.source:
            reception = self._restart(packet)
        reception.add(packet, now)
        self._play(self.jitter.push(packet.number, packet.timestamp, packet.payload, now))

    def poll(self, now: int) -> None:
        """Delivers what has waited long enough."""
        pieces = self.jitter.poll(now)
        if pieces:
            self._play(pieces)

    def _restart(self, packet: RtpPacket) -> ReceptionStatistics:
        """Another source: its numbers begin anew, the counts continue."""
        self.reception = ReceptionStatistics(packet.source, packet.number)
        counts = self.jitter.counts
        self.jitter = JitterBuffer()
        self.jitter.counts = counts
        return self.reception

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
        """Fills a gap with a guess; its last packet with a copy, if the next packet carries one."""
        samples = lost.samples // _DOWN
        if isinstance(following, bytes) and self._decoder.has_fec(following):
            copied = samples_in(following) // _DOWN
            if copied <= samples:
                self._give(self._concealed(samples - copied))
                self._give(self._decoder.decode_fec(following, copied))
                return
        self._give(self._concealed(samples))

    def _concealed(self, samples: int) -> Samples:
        whole = samples - samples % _CONCEALMENT_STEP
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
