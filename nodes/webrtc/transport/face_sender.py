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
"""How much is sent at once: the cost of a message does not depend on its size."""
MAX_FRAMES = 16
"""Frames in a message, so that it fits into one datagram."""
MAX_WAITING = 1024
"""Batches that may wait for their speech; beyond that the oldest are dropped."""


@dataclass(slots=True)
class _CurrentSpeech:
    """The speech that is playing. Positions are in nanoseconds from its start."""

    speech: Speech
    start: int | None = None
    """The playback's `start` for which frames were sent."""
    sent: int = 0
    """The position up to which frames were sent."""
    ahead: bool = False
    """Whether the client has frames that are not void."""


class FaceFrameSender:
    """The face of one call. Pass `follow` to the playback of each speech.

    `send` takes an encoded batch, `flush` tells the client that the frames of a cause are
    void. `origin` gives the start of RTP time; None: frames cannot be sent yet, or the client
    wants none.
    """

    def __init__(
        self, send: Callable[[bytes], None], flush: Callable[[Cause], None], origin: Callable[[], int | None]
    ) -> None:
        self._send, self._flush, self._origin = send, flush, origin
        self._batches: deque[AvatarFrames] = deque(maxlen=MAX_WAITING)
        self._current: _CurrentSpeech | None = None

    @property
    def waiting(self) -> int:
        """Batches whose speech has not been played to its end."""
        return len(self._batches)

    def add(self, frames: AvatarFrames) -> None:
        """Keeps a batch until its speech plays."""
        self._batches.append(frames)

    def expect(self, speech: Speech) -> None:
        """This speech plays next."""
        self._current = _CurrentSpeech(speech)

    def follow(self, playback: Playback) -> None:
        """Sends what is due at the position that the sound has reached."""
        current, origin, tracker = self._current, self._origin(), playback.tracker
        if current is None or origin is None or tracker.at.cause is not current.speech.at.cause:
            return
        if playback.held:
            self._void(current)
            return
        if current.start != tracker.start:  # it begins, or resumes after a pause: frames have new times
            current.start, current.sent = tracker.start, tracker.position
        if current.sent < tracker.position + LEAD - STEP:
            current.sent = max(current.sent, tracker.position)  # frames that came too late are not shown
            self._send_until(current, tracker.position + LEAD, origin)

    def settle(self) -> None:
        """The speech is over: drops its frames and those of dead causes."""
        current, self._current = self._current, None
        if current is None:
            return
        at = current.speech.at
        if not at.cause.live:
            self._flush(at.cause)
        kept = [
            frames
            for frames in self._batches
            if frames.at.cause.live and not (frames.at.cause is at.cause and frames.at.pts < at.pts + at.duration)
        ]
        self._batches = deque(kept, maxlen=MAX_WAITING)

    def _void(self, current: _CurrentSpeech) -> None:
        """Takes back the frames that were sent ahead."""
        if current.ahead:
            current.ahead = False
            self._flush(current.speech.at.cause)

    def _send_until(self, current: _CurrentSpeech, horizon: int, origin: int) -> None:
        at, start = current.speech.at, current.start
        assert start is not None, "it is playing"
        for frames in self._batches:
            offset = frames.at.pts - at.pts
            if frames.at.cause is not at.cause or not -at.duration < offset < at.duration:
                continue
            times = offset + np.arange(len(frames.weights)) * SECOND // frames.rate
            due = np.flatnonzero((times >= current.sent) & (times < min(horizon, at.duration)))
            for first in range(0, due.size, MAX_FRAMES):
                rows = due[first : first + MAX_FRAMES]
                rtp = origin + start * CLOCK // SECOND + int(times[rows[0]]) * CLOCK // SECOND
                self._send_rows(current, frames, rows, rtp)
            if due.size:
                current.sent, current.ahead = int(times[due[-1]]) + 1, True

    def _send_rows(self, current: _CurrentSpeech, frames: AvatarFrames, rows: NDArray[np.intp], rtp: int) -> None:
        at = current.speech.at
        after = frames.at.pts - at.pts + (int(rows[-1]) + 1) * SECOND // frames.rate
        # A speech has as many frames as fit into it: these are the last if another one would end after it.
        end = current.speech.last and after + SECOND // frames.rate > at.duration
        weights, pose = frames.weights[rows], frames.pose[rows]
        self._send(encode_batch(AvatarBatch(frames.rate, at.cause.id, rtp, weights, pose, end)))
