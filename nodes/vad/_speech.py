"""What all detectors share: cutting audio into frames, and when speech begins and ends.

A detector says of each frame whether there is a voice in it. Speech begins when that has
been so for `attack` without a break, and ends when it has not been so for `release`.
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
    """What every detector lets its user set."""

    attack: Duration = Field(ms(60), ge=ms(20), le=ms(1000))
    """A voice that long, without a break, is speech: shorter is a click or a cough. 20ms to 1s."""
    release: Duration = Field(ms(120), ge=ms(20), le=ms(5000))
    """Silence after which speech has ended. 20ms to 5s."""


class SpeechTracker:
    """Marks the beginnings and ends of speech in a stream of audio."""

    __slots__ = ("_attack", "_frame", "_last", "_release", "_rest", "_run", "_unsure", "_voice_end", "speaking")

    def __init__(self, params: SpeechParams, *, frame: int) -> None:
        self._attack = params.attack
        self._release = params.release
        self._frame = frame
        """Nanoseconds of one frame."""
        self._rest = _NOTHING
        """The samples after the last whole frame."""
        self._run: int | None = None
        """Where the present run of voiced frames began."""
        self._voice_end = 0
        self._last: Audio | None = None
        self._unsure = False
        """Whether somebody may be speaking since before it began: it took over from another detector."""
        self.speaking = False

    def mark(self, heard: Audio, voiced: Callable[[Samples], bool]) -> tuple[Audio | Mark, ...]:
        """The audio, and before it whatever began or ended in it."""
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
        """The end of speech that is still open when the stream ends."""
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
