"""`media.resample`: from one sample rate to another. The planner inserts it where rates differ."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Audio, Samples, duration_of
from pipeline.caps import ANY
from pipeline.errors import DependencyError
from pipeline.node import Transform
from pipeline.packet import Stamp
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output

QUALITY = "LQ"
"""At 16 kHz, aliases are attenuated by 80 dB and the response is flat up to 6 kHz. `HQ` takes the
same time (about 6 µs a packet) but delays the audio by 21 ms on average, not 11."""
LOOK_AHEAD = ms(11)
TOLERANCE = ms(10)
"""A greater jump in the pts of the input is a gap, not rounding."""
_NOTHING = np.zeros(0, np.float32)


class Resample(Transform[NoParams]):
    """Changes the sample rate of audio; everything else goes through.

    Samples leave up to 20 ms late (60 ms from 8 kHz); their pts is that of the input.
    """

    converts: ClassVar[str] = "rate"

    audio = Input(Audio, passes=True, rate=ANY, channels=1)
    resampled = Output(Audio, rate=ANY, channels=1)

    @dataclass(slots=True)
    class State:
        """The filter, and how many samples have gone through it."""

        stream: Any = None
        last: Audio | None = None
        origin: int = 0
        """The pts of the first sample in the filter."""
        taken: int = 0
        given: int = 0

    state: State

    async def open(self) -> None:
        """Imports the filter; raises DependencyError if it is not installed."""
        await asyncio.to_thread(_import_soxr)

    def latency(self) -> int:
        """The delay of the filter, on average."""
        return LOOK_AHEAD

    @property
    def rate(self) -> int:
        """The output rate in Hz, from the plan."""
        return int(self.context.caps["resampled"]["rate"])

    @audio.each
    def resample(self, heard: Audio) -> Iterable[Audio]:
        """The same audio at the other rate: up to two packets, of any length."""
        if self._continues(heard):
            return self._filtered(heard)
        tail = self._drained()
        if heard.rate == self.rate:
            return (*tail, heard)
        self.state.stream = _import_soxr().ResampleStream(heard.rate, self.rate, 1, dtype="float32", quality=QUALITY)
        self.state.origin = heard.at.pts
        return (*tail, *self._filtered(heard))

    def finish(self) -> Iterable[Audio]:
        """The rest of the filter."""
        return self._drained()

    def _continues(self, heard: Audio) -> bool:
        state = self.state
        if state.last is None or heard.rate != state.last.rate or heard.at.cause is not state.last.at.cause:
            return False
        return abs(heard.at.pts - state.origin - duration_of(state.taken, heard.rate)) <= TOLERANCE

    def _filtered(self, heard: Audio) -> tuple[Audio, ...]:
        state = self.state
        state.last = heard
        state.taken += heard.samples.size
        return self._packet(state.stream.resample_chunk(heard.samples.astype(np.float32)))

    def _drained(self) -> tuple[Audio, ...]:
        """The rest of the filter, at the end of audio without gaps; resets the state."""
        tail = self._packet(self.state.stream.resample_chunk(_NOTHING, last=True)) if self.state.stream else ()
        self.reset()
        return tail

    def _packet(self, sound: NDArray[np.float32]) -> tuple[Audio, ...]:
        state, rate = self.state, self.rate
        if not sound.size or state.last is None:
            return ()
        samples = _to_int16(sound)
        pts = state.origin + duration_of(state.given, rate)
        state.given += samples.size
        end = state.origin + duration_of(state.given, rate)
        return (Audio(Stamp(pts, end - pts, state.last.at.cause), samples, rate),)


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """A whole sound at another rate, both in Hz; the same result each time."""
    return _to_int16(_import_soxr().resample(samples.astype(np.float32), rate, wanted, "HQ"))


def _to_int16(sound: NDArray[np.float32]) -> Samples:
    """Rounded and clipped. With int16 soxr itself would add dither, from another seed each time."""
    rounded: NDArray[Any] = np.rint(sound)
    return rounded.clip(-32768, 32767).astype(np.int16)


def _import_soxr() -> Any:
    try:
        import soxr
    except ImportError as error:
        raise DependencyError("changing a sample rate needs the package soxr", hint="pip install soxr") from error
    return soxr
