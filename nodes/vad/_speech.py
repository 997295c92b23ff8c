"""Framing and segmentation shared by all voice activity detectors.

A detector classifies each frame as voiced or not. Speech starts after an unbroken run of
voiced frames of length `attack`, and ends after unvoiced frames of length `release`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart, duration_of
from pipeline.packet import SECOND, Stamp
from pipeline.params import Duration, Params, ms

Mark = SpeechStart | SpeechEnd
_NOTHING: Samples = np.zeros(0, np.int16)


class SpeechParams(Params):
    """Parameters of every detector."""

    attack: Duration = Field(ms(60), ge=ms(20), le=ms(1000))
    """Unbroken voice that starts speech, 20ms to 1s; shorter is a click or a cough."""
    release: Duration = Field(ms(120), ge=ms(20), le=ms(5000))
    """Silence that ends speech, 20ms to 5s."""


class SpeechTracker:
    """Marks where speech starts and ends in a stream of audio."""

    __slots__ = ("_attack", "_frame", "_last", "_release", "_rest", "_run", "_unsure", "_voice_end", "speaking")

    def __init__(self, params: SpeechParams, *, frame: int) -> None:
        self._attack = params.attack
        self._release = params.release
        self._frame = frame
        """Frame length in nanoseconds."""
        self._rest = _NOTHING
        """Samples after the last complete frame."""
        self._run: int | None = None
        """Start of the current run of voiced frames."""
        self._voice_end = 0
        self._last: Audio | None = None
        self._unsure = False
        """True if speech may already be open because this detector took over from another."""
        self.speaking = False

    def mark(self, heard: Audio, voiced: Callable[[Samples], bool]) -> tuple[Audio | Mark, ...]:
        """Returns the marks that fall into a packet, followed by the packet."""
        marks: list[Audio | Mark] = []
        rate = heard.rate
        size = self._frame * rate // SECOND
        rest = self._rest
        samples = np.concatenate((rest, heard.samples)) if rest.size else heard.samples
        origin = heard.at.pts - duration_of(rest.size, rate)
        if self._last is None and origin > 0:
            self._unsure, self._voice_end = True, origin
        whole = samples.size - samples.size % size
        for start in range(0, whole, size):
            is_voice = voiced(samples[start : start + size])
            pts = origin + duration_of(start, rate)
            if mark := self._step(is_voice, pts, pts + self._frame, heard):
                marks.append(mark)
        self._rest = samples[whole:]
        self._last = heard
        return (*marks, heard)

    def finish(self) -> tuple[Mark, ...]:
        """Closes open speech at the end of the stream."""
        return (self._end(self._last),) if self.speaking and self._last is not None else ()

    def _step(self, is_voice: bool, begin: int, end: int, heard: Audio) -> Mark | None:
        if not is_voice:
            self._run = None
            may_speak = self.speaking or self._unsure
            return self._end(heard) if may_speak and end - self._voice_end >= self._release else None
        if self._run is None:
            self._run = begin
        self._voice_end = end
        if self.speaking or end - self._run < self._attack:
            return None
        self.speaking, self._unsure = True, False
        return SpeechStart(Stamp(self._run, 0, heard.at.cause))

    def _end(self, heard: Audio) -> SpeechEnd:
        self.speaking = self._unsure = False
        return SpeechEnd(Stamp(self._voice_end, 0, heard.at.cause))
