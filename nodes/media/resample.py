"""`media.resample`: from any sample rate to another. Planning puts it in by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nodes.media._whole import whole
from nodes.packets import Audio, duration_of
from pipeline.caps import ANY
from pipeline.errors import DependencyError
from pipeline.node import Transform
from pipeline.packet import Stamp
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output

QUALITY = "LQ"
"""Aliases are 80 dB down and all up to 6 kHz is flat at 16 kHz, as with `HQ`, which costs the
same time (some 6 µs a packet) but holds the audio back twice as long: 21 ms on average, not 11."""
LOOK_AHEAD = ms(11)
TOLERANCE = ms(10)
"""A jump in the input's pts that is greater is a gap, not rounding."""
_NOTHING = np.zeros(0, np.float32)


class Resample(Transform[NoParams]):
    """Changes the sample rate of audio; everything else goes through.

    Samples leave up to 20 ms late (60 ms from 8 kHz), with the pts at which they sounded.
    """

    converts: ClassVar[str] = "rate"

    audio = Input(Audio, passes=True, rate=ANY, channels=1)
    resampled = Output(Audio, rate=ANY, channels=1)

    @dataclass(slots=True)
    class State:
        """The filter, and how much has gone through it."""

        stream: Any = None
        last: Audio | None = None
        origin: int = 0
        """The pts of the first sample that went into the filter."""
        taken: int = 0
        given: int = 0

    state: State

    async def open(self) -> None:
        """Imports the filter; raises DependencyError where it is not installed."""
        await asyncio.to_thread(_import_soxr)

    def latency(self) -> int:
        """What the filter must have heard before it answers, on average."""
        return LOOK_AHEAD

    @property
    def rate(self) -> int:
        """Hz, as planning agreed."""
        return int(self.context.caps["resampled"]["rate"])

    @audio.each
    def resample(self, heard: Audio) -> Iterable[Audio]:
        """The same sound at the other rate: none, one or two packets of any length."""
        if self._continues(heard):
            return self._filtered(heard)
        tail = self._drained()
        if heard.rate == self.rate:
            return (*tail, heard)
        self.state.stream = _import_soxr().ResampleStream(heard.rate, self.rate, 1, dtype="float32", quality=QUALITY)
        self.state.origin = heard.at.pts
        return (*tail, *self._filtered(heard))

    def finish(self) -> Iterable[Audio]:
        """What the filter still holds."""
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
        """The end of what went in without a break; the state is new after it."""
        tail = self._packet(self.state.stream.resample_chunk(_NOTHING, last=True)) if self.state.stream else ()
        self.reset()
        return tail

    def _packet(self, sound: NDArray[np.float32]) -> tuple[Audio, ...]:
        state, rate = self.state, self.rate
        if not sound.size or state.last is None:
            return ()
        samples = whole(sound)
        pts = state.origin + duration_of(state.given, rate)
        state.given += samples.size
        end = state.origin + duration_of(state.given, rate)
        return (Audio(Stamp(pts, end - pts, state.last.at.cause), samples, rate),)


def _import_soxr() -> Any:
    try:
        import soxr
    except ImportError as error:
        raise DependencyError("changing a sample rate needs the package soxr", hint="pip install soxr") from error
    return soxr
