"""The source of a replayed call: packets as they were, each with the time that it had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice

import numpy as np

from nodes.media.source import MediaSourceParams
from nodes.packets import Audio, Samples, duration_of
from pipeline.caps import param
from pipeline.node import Source
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.port import Output
from vitagraph.replay.recorded_call import RATE, RecordedCall

BLOCKS = 16
"""Pieces of the recording that are read at once, in a thread."""
FRAME = 20 * MILLISECOND


class RecordedSource(Source[MediaSourceParams]):
    """Gives what a caller said in a recorded call, and silence where nothing was sent.

    Packets have 20 ms and the pts of the call, also where it began late or had gaps. After the end
    comes the silence of `tail`.
    """

    audio = Output(Audio, rate=param("rate"), channels=1)

    async def run(self) -> AsyncIterator[Audio]:
        """The caller's sound, then silence."""
        call = self.provided(RecordedCall)
        call.running.set()
        rate, end = self.params.rate or RATE, None
        sounds = call.sound()
        while blocks := await asyncio.to_thread(lambda: list(islice(sounds, BLOCKS))):
            for block in blocks:
                for at, samples in _packets(end, block.at, block.samples, block.rate):
                    yield await self._packet(at, samples, block.rate)
                    end = at + duration_of(samples.size if samples is not None else block.rate // 50, block.rate)
        for at, _ in _packets(end or 0, call.until, None, rate):
            yield await self._packet(at, None, rate)
            end = at + FRAME
        async for packet in self._tail(end or 0, rate):
            yield packet

    async def _tail(self, end: int, rate: int) -> AsyncIterator[Audio]:
        silence = np.zeros(rate // 50, np.int16)
        for number in range(-(-self.params.tail // FRAME)):
            yield await self._packet(end + number * FRAME, silence, rate)

    async def _packet(self, at: int, samples: Samples | None, rate: int) -> Audio:
        """The packet, at the time at which its last sample was recorded; None is what was not sent."""
        absent = samples is None
        sound = np.zeros(rate // 50, np.int16) if samples is None else samples
        duration = duration_of(sound.size, rate)
        if self.params.pace:
            await self.clock.sleep_until(at + duration)
        return Audio(Stamp(at, duration, self.causes.root), sound, rate, absent=absent)


def _packets(end: int | None, begin: int, samples: Samples | None, rate: int) -> Iterator[tuple[int, Samples | None]]:
    """What fills the time from `end` to `begin`, in nanoseconds, and then the samples in packets of 20 ms."""
    while end is not None and begin - end >= FRAME:
        yield end, None
        end += FRAME
    if samples is None:
        return
    size = rate * FRAME // SECOND
    whole = size if samples.size % size == 0 else samples.size
    for first in range(0, samples.size, whole):
        yield begin + duration_of(first, rate), samples[first : first + whole]
