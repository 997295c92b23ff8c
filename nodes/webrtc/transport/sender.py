"""The outgoing audio of one call.

RTP time follows the clock whether or not somebody speaks, so what a client knows of the
one stays true of the other. While a voice is silent it sends one byte every 400 ms, which
keeps the client's clocks where they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nodes.packets import Samples
from nodes.webrtc.transport.opus import OpusEncoder
from nodes.webrtc.transport.playback import FRAME, RATE, Playback
from nodes.webrtc.transport.ticker import SLOT, SLOTS, Ticker

RTP_PER_SLOT = 96
"""RTP time that passes in a slot: at 48 kHz."""
TAIL = 2
"""Frames of encoded silence after speech, so that its last frame can fade out."""
KEEP_ALIVE = 200
"""Slots between the packets of a silent voice: 400 ms."""

_SILENCE: Samples = np.zeros(FRAME, np.int16)


class AudioSender:
    """The outgoing sound of one call. `send` takes a packet and its RTP time."""

    def __init__(self, ticker: Ticker, send: Callable[[bytes, int], None]) -> None:
        self._ticker = ticker
        self._send = send
        self._encoder = OpusEncoder(RATE)
        self._nothing = self._encoder.encode(_SILENCE)[:1]
        """A packet without a frame: the decoder is told that there is silence (DTX)."""
        self._playback: Playback | None = None
        self._tail = 0
        self._sent = -KEEP_ALIVE
        """The slot of the last packet."""

    def play(self, playback: Playback) -> None:
        """Begins to play, in place of what was played before; at once if the last frame is long past."""
        if self._playback is not None:
            self._playback.stop()
        self._playback = playback
        if self._ticker.now() // SLOT - self._sent >= SLOTS:
            self._ticker.hurry(self)

    def tick(self, index: int) -> None:
        """Sends what is due in this slot."""
        packet = self._packet(index)
        if packet is not None:
            self._sent = index
            self._send(packet, index * RTP_PER_SLOT)

    def _packet(self, index: int) -> bytes | None:
        frame = self._playback.take(index * RTP_PER_SLOT) if self._playback is not None else None
        if frame is not None:
            self._tail = TAIL
            return self._encoder.encode(frame)
        if self._playback is not None and self._playback.over.done():
            self._playback = None
        if self._tail:
            self._tail -= 1
            return self._encoder.encode(_SILENCE)
        return self._nothing if index - self._sent >= KEEP_ALIVE else None
