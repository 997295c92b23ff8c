"""`webrtc.source`: the voice of a caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from nodes.packets import Audio, Samples, duration_of
from nodes.webrtc.transport.call import NO_CALL_HINT, CallTransport
from pipeline.node import Source
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.params import NoParams
from pipeline.port import Output

RATE = 16_000
MOST_WAITING = 500
"""Packets that may wait to be taken, 10 s: what a network gives at once after it stood still."""
WINDOW = 10 * SECOND
"""Over which the slower of two clocks shows itself."""
DRIFT = 5 * MILLISECOND
"""What is not yet called a drift."""
OUTAGE = 5 * SECOND
"""A packet this late is not late: nothing was sent. Shorter gaps are filled before they get here."""


@dataclass(slots=True)
class Timeline:
    """Puts the caller's samples on the session's clock: without gaps, and never in the future.

    The caller's clock and ours differ by some millionths, so that over an hour one gains
    a fifth of a second on the other: the timeline follows the packets that come soonest.
    """

    end: int | None = None
    """When the last packet ended."""
    _least: int = OUTAGE
    """The least lateness in this window."""
    _window: int = 0

    def place(self, duration: int, now: int) -> int:
        """The pts of a packet that has arrived."""
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

    Ends when the call ends.
    """

    live = True

    audio = Output(Audio, rate=RATE, channels=1)

    @dataclass(slots=True)
    class Memory:
        """The call, and what has arrived."""

        line: CallTransport | None = None
        sounds: deque[Samples] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
        timeline: Timeline = field(default_factory=Timeline)

    memory: Memory

    async def open(self) -> None:
        """Finds the call; raises UserInputError where there is none."""
        self.memory.line = self.provided(CallTransport, NO_CALL_HINT)

    async def close(self) -> None:
        """Hears no more; the call itself belongs to the host."""
        if self.memory.line is not None:
            self.memory.line.on_sound = lambda samples: None

    async def run(self) -> AsyncIterator[Audio]:
        """All that is said until the call ends."""
        line, sounds, timeline = self.memory.line, self.memory.sounds, self.memory.timeline
        assert line is not None, "run comes after open"
        loop, root = asyncio.get_running_loop(), self.causes.root
        asleep: asyncio.Future[None] = loop.create_future()

        def wake(_: object = None) -> None:
            if not asleep.done():
                asleep.set_result(None)

        def hear(samples: Samples) -> None:
            sounds.append(samples)
            wake()

        line.on_sound = hear
        line.start()
        ended = asyncio.ensure_future(line.ended.wait())
        ended.add_done_callback(wake)
        try:
            while True:
                while sounds:
                    samples = sounds.popleft()
                    duration = duration_of(samples.size, RATE)
                    pts = timeline.place(duration, self.clock.now())
                    yield Audio(Stamp(pts, duration, root), samples, RATE)
                if ended.done():
                    return
                asleep = loop.create_future()  # an Event costs a microsecond more, 50 times a second a call
                await asleep
        finally:
            ended.cancel()
