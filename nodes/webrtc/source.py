"""`webrtc.source`: the voice of a caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np

from nodes.packets import Audio, Samples, duration_of
from nodes.webrtc.transport.call import NO_CALL_HINT, CallTransport
from pipeline.node import Source
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.params import NoParams
from pipeline.port import Output

RATE = 16_000
FRAME_TIME = 20 * MILLISECOND
MAX_WAITING = 500
"""Frames of 20 ms that may wait to be taken, 10 s: what a network delivers at once after a stall."""
WINDOW = 10 * SECOND
"""Nanoseconds over which the least lateness is measured, to see the drift of two clocks."""
DRIFT = 5 * MILLISECOND
"""Nanoseconds of lateness that are not corrected."""
STOPPED = 650 * MILLISECOND
"""Nanoseconds without a frame after which the client has stopped to send: longer than most stalls of a network."""
STEP, BEHIND = 100 * MILLISECOND, 40 * MILLISECOND
"""How often silence is then given, and how far it stays behind the clock."""
OUTAGE = 5 * SECOND
"""With more lateness than this, nothing was sent for a while. Shorter gaps are filled before they get here."""


_SILENCE: Samples = np.zeros(RATE // 50, np.int16)


@dataclass(slots=True)
class ArrivalTimes:
    """Places the caller's audio on the session's clock: without gaps, and never in the future.

    The clocks of caller and host differ by some millionths, which adds up to a fifth of a second
    in an hour: the timeline follows the least late packets.
    """

    end: int | None = None
    """When the last frame ended, in nanoseconds."""
    _least: int = OUTAGE
    """The least lateness in this window."""
    _window: int = 0
    """When this window began."""

    def place(self, duration: int, now: int) -> int:
        """The pts of a frame that has just arrived; all times in nanoseconds."""
        begin = now - duration if self.end is None else self.end
        late = now - duration - begin
        if late < 0 or late > OUTAGE:
            begin, late = now - duration, 0
        self._least = min(self._least, late)
        if now - self._window > WINDOW:
            if self._least > DRIFT:
                begin += self._least
            self._least, self._window = OUTAGE, now
        self.end = begin + duration
        return begin


class WebRtcSource(Source[NoParams]):
    """Gives what a caller says, 20 ms at a time and without gaps: what the network lost is concealed.

    While a client sends nothing, as one that is muted or transmits only while a button is pressed, it
    gives silence, so that the turn ends. Ends when the call ends.
    """

    live = True

    audio = Output(Audio, rate=RATE, channels=1)

    @dataclass(slots=True)
    class Memory:
        """What has arrived."""

        frames: deque[Samples | None] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
        """None is 20 ms of silence in place of sound that is not sent."""
        timeline: ArrivalTimes = field(default_factory=ArrivalTimes)
        stopped: bool = False
        """Whether the client has stopped to send."""

    memory: Memory
    call: CallTransport | None = None

    async def open(self) -> None:
        """Takes the session's call; raises UserInputError if it was given none."""
        self.call = self.provided(CallTransport, NO_CALL_HINT)

    async def close(self) -> None:
        """Detaches from the call, which the host closes."""
        if self.call is not None:
            self.call.on_audio = lambda samples: None

    async def run(self) -> AsyncIterator[Audio]:
        """All audio until the call ends."""
        call, memory = self.call, self.memory
        frames, timeline = memory.frames, memory.timeline
        assert call is not None, "run comes after open"
        loop, root = asyncio.get_running_loop(), self.causes.root
        idle: asyncio.Future[None] = loop.create_future()

        def wake(_: object = None) -> None:
            if not idle.done():
                idle.set_result(None)

        def take(samples: Samples | None) -> None:
            memory.stopped = samples is None
            frames.append(samples)
            wake()

        call.on_audio = take
        call.start()
        ended = asyncio.ensure_future(call.ended.wait())
        ended.add_done_callback(wake)
        filling = asyncio.ensure_future(self._fill(take))
        try:
            while True:
                while frames:
                    sent = frames.popleft()
                    samples = _SILENCE if sent is None else sent
                    duration = duration_of(samples.size, RATE)
                    pts = timeline.place(duration, self.clock.now())
                    yield Audio(Stamp(pts, duration, root), samples, RATE, absent=sent is None)
                if ended.done():
                    return
                idle = loop.create_future()  # an Event takes a microsecond more, 50 times a second a call
                await idle
        finally:
            ended.cancel()
            filling.cancel()

    async def _fill(self, take: Callable[[None], None]) -> None:
        """Takes silence, once nothing has come for a while, until something comes again."""
        clock, memory = self.clock, self.memory
        while True:
            now, end = clock.now(), memory.timeline.end
            late = 0 if end is None or memory.frames else now - end
            if late < (STEP if memory.stopped else STOPPED):
                await clock.sleep((STEP if memory.stopped else STOPPED) - late)
                continue
            for _ in range((late - BEHIND) // FRAME_TIME):
                take(None)
            await clock.sleep(STEP)
