"""The outgoing audio of one call.

RTP time follows the clock, whether or not there is sound, so that the clock a client derives
from it stays valid. Without sound one byte is sent every 400 ms to keep it so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nodes.packets import Samples
from nodes.webrtc.transport.opus import OpusEncoder
from nodes.webrtc.transport.playback import FRAME, FRAME_TIME, RATE, Playback
from nodes.webrtc.transport.ticker import SLOT, SLOTS, Ticker

GAP = 2 * FRAME_TIME
"""Nanoseconds between two frames of one sound from which a caller's buffer may run dry: 20 ms too late."""
RTP_PER_SLOT = 96
"""RTP time of a slot, at 48 kHz."""
TAIL = 2
"""Frames of encoded silence after a sound, so that its last frame can fade out."""
KEEP_ALIVE = 200
"""Slots between packets where there is no sound: 400 ms."""

_SILENCE: Samples = np.zeros(FRAME, np.int16)


class AudioSender:
    """Encodes one sound at a time. `send` takes a packet and its RTP time at 48 kHz, which starts from 0."""

    def __init__(self, ticker: Ticker, send: Callable[[bytes, int], None]) -> None:
        self._ticker = ticker
        self._send = send
        self._encoder = OpusEncoder(RATE)
        self._dtx = self._encoder.encode(_SILENCE)[:1]
        """A packet without a frame: it tells the decoder that there is silence."""
        self._playback: Playback | None = None
        self._tail = 0
        """Frames of silence still to be sent."""
        self.gaps = 0
        """Nanoseconds for which sounds stood still in the middle because frames went out late, in total."""
        self._last_frame = 0
        """When the last frame of the present sound went out."""
        self._sent = -KEEP_ALIVE
        """The slot of the last packet."""

    def play(self, playback: Playback) -> None:
        """Starts a sound in place of the present one; at once if no frame was sent within the last 20 ms."""
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
        frame = self._playback.take(index * SLOT) if self._playback is not None else None
        if frame is not None:
            self._tail = TAIL
            self._note_gap()
            return self._encoder.encode(frame)
        self._last_frame = 0
        if self._playback is not None and self._playback.tracker.over:
            self._playback = None
        if self._tail:
            self._tail -= 1
            return self._encoder.encode(_SILENCE)
        return self._dtx if index - self._sent >= KEEP_ALIVE else None

    def _note_gap(self) -> None:
        now = self._ticker.now()
        if self._last_frame and now - self._last_frame > GAP:
            self.gaps += now - self._last_frame - FRAME_TIME
        self._last_frame = now
