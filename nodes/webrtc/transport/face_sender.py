"""Sends the frames of a face a little ahead of the sound that they belong to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.packets import AvatarFrames, Speech
from nodes.webrtc.protocol import CLOCK, AvatarBatch, encode_batch
from nodes.webrtc.transport.playback import Playback
from pipeline.cause import Cause
from pipeline.packet import MILLISECOND, SECOND

LEAD = 400 * MILLISECOND
"""How far ahead of the sound frames are sent: more than a client's jitter buffer holds."""
STEP = 200 * MILLISECOND
"""What is sent at once. Every message costs the same, however small."""
MOST_FRAMES = 16
"""In a message, so that it fits into one datagram."""
WAITING = 1024
"""Batches that may wait for their speech."""


@dataclass(slots=True)
class _CurrentSpeech:
    """The speech that is playing; times in nanoseconds from its start."""

    speech: Speech
    start: int | None = None
    """The playback's start that the frames were sent for."""
    sent: int = 0
    """Up to where frames have been sent."""
    ahead: bool = False
    """Whether the client has any that are not void."""


class FaceFrameSender:
    """The face of one call. `follow` is called with each 20 ms of sound that goes out."""

    def __init__(
        self, send: Callable[[bytes], None], flush: Callable[[Cause], None], origin: Callable[[], int | None]
    ) -> None:
        self._send, self._flush, self._origin = send, flush, origin
        self._batches: deque[AvatarFrames] = deque(maxlen=WAITING)
        self._spoken: _CurrentSpeech | None = None

    @property
    def waiting(self) -> int:
        """Batches whose speech has not been played to its end."""
        return len(self._batches)

    def add(self, frames: AvatarFrames) -> None:
        """Keeps a batch until its speech plays."""
        self._batches.append(frames)

    def expect(self, speech: Speech) -> None:
        """This speech is about to play."""
        self._spoken = _CurrentSpeech(speech)

    def follow(self, playback: Playback) -> None:
        """Sends what is due for the position that the sound has reached."""
        spoken, origin = self._spoken, self._origin()
        if spoken is None or origin is None or playback.cause is not spoken.speech.at.cause:
            return
        if playback.held:
            self._void(spoken)
            return
        if spoken.start != playback.start:  # it begins, or goes on after a pause: their times are others now
            spoken.start, spoken.sent = playback.start, playback.played
        if spoken.sent < playback.played + LEAD - STEP:
            spoken.sent = max(spoken.sent, playback.played)  # frames that came too late are not shown
            self._send_until(spoken, playback.played + LEAD, origin)

    def settle(self) -> None:
        """The speech is over: its frames are not needed any more, nor those of dead causes."""
        spoken, self._spoken = self._spoken, None
        if spoken is None:
            return
        at = spoken.speech.at
        if not at.cause.live:
            self._flush(at.cause)
        kept = [
            frames
            for frames in self._batches
            if frames.at.cause.live and not (frames.at.cause is at.cause and frames.at.pts < at.pts + at.duration)
        ]
        self._batches = deque(kept, maxlen=WAITING)

    def _void(self, spoken: _CurrentSpeech) -> None:
        """Takes back the frames that were sent ahead."""
        if spoken.ahead:
            spoken.ahead = False
            self._flush(spoken.speech.at.cause)

    def _send_until(self, spoken: _CurrentSpeech, horizon: int, origin: int) -> None:
        at, start = spoken.speech.at, spoken.start
        assert start is not None, "it is playing"
        for frames in self._batches:
            offset = frames.at.pts - at.pts
            if frames.at.cause is not at.cause or not -at.duration < offset < at.duration:
                continue
            times = offset + np.arange(len(frames.weights)) * SECOND // frames.rate
            due = np.flatnonzero((times >= spoken.sent) & (times < min(horizon, at.duration)))
            for first in range(0, due.size, MOST_FRAMES):
                rows = due[first : first + MOST_FRAMES]
                self._send_rows(spoken, frames, rows, origin + start + int(times[rows[0]]) * CLOCK // SECOND)
            if due.size:
                spoken.sent, spoken.ahead = int(times[due[-1]]) + 1, True

    def _send_rows(self, spoken: _CurrentSpeech, frames: AvatarFrames, rows: NDArray[np.intp], rtp: int) -> None:
        at = spoken.speech.at
        after = frames.at.pts - at.pts + (int(rows[-1]) + 1) * SECOND // frames.rate
        # The face has as many frames as fit, so the next one would end after the speech.
        end = spoken.speech.last and after + SECOND // frames.rate > at.duration
        weights, pose = frames.weights[rows], frames.pose[rows]
        self._send(encode_batch(AvatarBatch(frames.rate, at.cause.id, rtp, weights, pose, end)))
