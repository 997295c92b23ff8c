"""A caller without echo cancellation: what is played comes back into their microphone, softer and later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import soxr
from pydantic import Field

from nodes.media.decoder import AudioFileDecoder
from nodes.packets import Audio, SoundPlayed
from pipeline.node import Source
from pipeline.packet import SECOND, Stamp
from pipeline.params import Duration, Params, ms
from pipeline.port import Output, Receives

RATE = 16_000
FRAME = RATE // 50


class RoomParams(Params):
    """The recording of the caller, and the echo."""

    path: str
    gain: float = Field(-20, ge=-80, le=0)
    """dB of the echo against what is played."""
    delay: Duration = ms(200)


class Room(Source[RoomParams]):
    """The caller's recording with the echo in it."""

    audio = Output(Audio, rate=RATE, channels=1)
    played = Receives(SoundPlayed)

    @dataclass(slots=True)
    class Memory:
        """The echo that is still to come, and its place."""

        echo: dict[int, float] = field(default_factory=dict)
        end: int = 0

    memory: Memory

    @played.each
    def play(self, event: SoundPlayed) -> tuple[()]:
        """Adds what is played to what will be heard."""
        samples = soxr.resample(event.samples, event.rate, RATE) * 10 ** (self.params.gain / 20)
        begin = (event.pts + self.params.delay) * RATE // SECOND
        if 0 < abs(begin - self.memory.end) < FRAME:
            begin = self.memory.end
        self.memory.echo.update(zip(range(begin, begin + samples.size), samples, strict=True))
        self.memory.end = begin + samples.size
        return ()

    async def run(self) -> AsyncIterator[Audio]:
        """The recording, 20 ms at a time."""
        recording = AudioFileDecoder(self.params.path, RATE).read(600 * RATE)
        for begin in range(0, recording.size - FRAME, FRAME):
            pts = begin * SECOND // RATE
            await self.clock.sleep_until(pts + ms(20))
            frame = recording[begin : begin + FRAME].astype(np.float64)
            frame += [self.memory.echo.pop(number, 0.0) for number in range(begin, begin + FRAME)]
            samples = frame.clip(-32768, 32767).astype(np.int16)
            yield Audio(Stamp(pts, ms(20), self.causes.root), samples, RATE)
