"""One sound on its way to a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from nodes.packets import Samples, duration_of
from nodes.playback_tracker import PlaybackTracker
from pipeline.packet import MILLISECOND, SECOND, Stamp

RATE = 24_000
"""Hz of everything that is sent."""
FRAME = RATE // 50
"""Samples of one packet, 20 ms."""
FRAME_TIME = 20 * MILLISECOND


class Playback:
    """Gives a sound 20 ms at a time, and checks before each whether it may still be heard.

    `follow` is called before each 20 ms, also while the sound is held; `heard` gets each 20 ms that go out.
    """

    def __init__(
        self,
        samples: Samples,
        at: Stamp,
        follow: Callable[[Playback], None] = lambda playback: None,
        heard: Callable[[Samples], None] | None = None,
    ) -> None:
        self.samples = samples
        """At `RATE`."""
        self.tracker = PlaybackTracker(at, duration_of(samples.size, RATE))
        """In the time of the ticker."""
        self.held = False
        """Whether it pauses."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when all of it has gone out, or no more will."""
        self._follow = follow
        self._heard = heard

    def take(self, now: int) -> Samples | None:
        """The next 20 ms, at a time of the ticker in nanoseconds; None where nothing is to be heard."""
        tracker = self.tracker
        if tracker.over:
            return None
        cause = tracker.at.cause
        if not cause.live or tracker.complete:
            self.stop()
            return None
        self.held = not cause.open
        if not self.held:
            tracker.play(now)
        self._follow(self)  # before the sound, so that the face is not late
        return None if self.held else self._next()

    def stop(self) -> None:
        """No more of it goes out."""
        self.tracker.over = True
        if not self.over.done():
            self.over.set_result(None)

    def _next(self) -> Samples:
        tracker = self.tracker
        begin = tracker.position * RATE // SECOND
        frame = self.samples[begin : begin + FRAME]
        tracker.advance(tracker.position + FRAME_TIME)
        if self._heard is not None:
            self._heard(frame)
        if tracker.complete:
            self.stop()
        return frame if frame.size == FRAME else np.pad(frame, (0, FRAME - frame.size))
