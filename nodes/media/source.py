"""`media.source`: the audio of a file, as if it came from a microphone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from pydantic import Field

from nodes.media.decoder import AudioFileDecoder
from nodes.packets import Audio, Samples, duration_of
from pipeline.caps import param
from pipeline.node import Source
from pipeline.packet import SECOND, Event, Stamp
from pipeline.params import Duration, Params, ms, seconds
from pipeline.port import Output

CHUNK = seconds(2)
"""Nanoseconds that are decoded at once, in a thread."""
USUAL_RATE = 16_000


class MediaDamaged(Event, frozen=True):
    """On the bus: parts of a file could not be decoded and were skipped."""

    path: str
    parts: int


class MediaSourceParams(Params):
    """Which file, and how it is played."""

    path: str
    """A file with audio: wav, mp3, opus, ogg, flac, m4a, or a video."""
    rate: int | None = Field(None, ge=8_000, le=192_000)
    """The output rate in Hz; by default what the nodes downstream want."""
    frame: Duration = Field(ms(20), ge=ms(5), le=ms(200))
    """The length of one packet, 5ms to 200ms."""
    pace: bool = True
    """Whether each packet leaves when a microphone would have it; otherwise as fast as they are taken."""
    tail: Duration = Field(seconds(2), ge=0, le=seconds(600))
    """Silence added at the end, so that the last turn can end."""


class MediaSource(Source[MediaSourceParams]):
    """Gives the audio of any audio or video file, mixed down to one channel.

    A pause in its timestamps, also before the first sound, is silence of that length. Two channels
    in antiphase, which would cancel each other, give one of them.
    """

    audio = Output(Audio, rate=param("rate"), channels=1)

    decoder: AudioFileDecoder | None = None
    """The open file."""

    async def open(self) -> None:
        """Opens the file; raises UserInputError if it is missing, damaged or has no audio."""
        agreed = self.context.caps.get("audio", {}).get("rate", USUAL_RATE)
        self.decoder = await asyncio.to_thread(AudioFileDecoder, self.params.path, int(agreed))

    async def close(self) -> None:
        """Closes the file."""
        if self.decoder is not None:
            await asyncio.to_thread(self.decoder.close)

    async def run(self) -> AsyncIterator[Audio]:
        """The file in packets of equal length, then the silence."""
        decoder = self.decoder
        assert decoder is not None, "run comes after open"
        start = self.clock.now()
        size = round(decoder.rate * self.params.frame / SECOND)
        chunk_size = size * max(1, CHUNK // self.params.frame)
        number = 0
        while (chunk := await asyncio.to_thread(decoder.read, chunk_size)).size:
            for begin in range(0, chunk.size, size):
                yield await self._packet(start, number, _padded(chunk[begin : begin + size], size), decoder.rate)
                number += 1
        if decoder.damaged:
            self.post(MediaDamaged(self.params.path, decoder.damaged))
        silence = np.zeros(size, np.int16)
        for _ in range(-(-self.params.tail // self.params.frame)):
            yield await self._packet(start, number, silence, decoder.rate)
            number += 1

    async def _packet(self, start: int, number: int, samples: Samples, rate: int) -> Audio:
        """The packet, at the time at which its last sample would have been recorded."""
        pts = start + duration_of(number * samples.size, rate)
        end = start + duration_of((number + 1) * samples.size, rate)
        if self.params.pace:
            await self.clock.sleep_until(end)
        return Audio(Stamp(pts, end - pts, self.causes.root), samples, rate)


def _padded(samples: Samples, size: int) -> Samples:
    return samples if samples.size == size else np.pad(samples, (0, size - samples.size))
