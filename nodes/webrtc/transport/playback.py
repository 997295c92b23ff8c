"""One sound on its way to a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from nodes.packets import Samples
from pipeline.cause import Cause
from pipeline.packet import SECOND

RATE = 24_000
"""At which everything is encoded, in Hz."""
FRAME = RATE // 50


class Playback:
    """One sound on its way out. Every 20 ms it looks whether it may go on."""

    def __init__(
        self, samples: Samples, cause: Cause, follow: Callable[[Playback], None] = lambda playback: None
    ) -> None:
        self.samples = samples
        """At 24 kHz."""
        self.cause = cause
        self.position = 0
        """Samples that have gone out."""
        self.start = 0
        """RTP time, before the call's random origin, at which its first sample would have gone
        out; a pause moves it."""
        self.held = False
        """Whether it pauses."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when all has gone out, or no more will."""
        self._follow = follow

    @property
    def complete(self) -> bool:
        """Whether all of it has gone out."""
        return self.position >= self.samples.size

    @property
    def played(self) -> int:
        """Nanoseconds that have gone out."""
        return self.position * SECOND // RATE

    def take(self, pts: int) -> Samples | None:
        """The next 20 ms; None where it must not or need not sound."""
        if self.over.done():
            return None
        if not self.cause.live or self.complete:
            self.stop()
            return None
        self.held = not self.cause.open
        if not self.held:
            self.start = pts - self.position * (48_000 // RATE)
        self._follow(self)  # before the sound, so that the face is not behind it
        return None if self.held else self._next()

    def stop(self) -> None:
        """No more of it goes out."""
        if not self.over.done():
            self.over.set_result(None)

    def _next(self) -> Samples:
        frame = self.samples[self.position : self.position + FRAME]
        self.position += frame.size
        if self.complete:
            self.stop()
        return frame if frame.size == FRAME else np.pad(frame, (0, FRAME - frame.size))
