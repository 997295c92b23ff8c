"""`vad.energy`: compares loudness with the background noise; needs no package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart
from nodes.vad._noise import NoiseFloor, loudness
from nodes.vad._speech import Mark, SpeechParams, SpeechTracker
from pipeline.caps import one_of, same
from pipeline.node import Transform
from pipeline.params import ms
from pipeline.port import Input, Output

FRAME = ms(20)


class EnergyVadParams(SpeechParams):
    """Thresholds of loudness."""

    above_noise: float = Field(8.0, ge=3.0, le=40.0)
    """How far above the background noise a voice must be, in dB."""
    quietest: float = Field(-50.0, ge=-90.0, le=0.0)
    """Level below which nothing counts as voice, in dBFS."""


class EnergyVad(Transform[EnergyVadParams]):
    """Marks audio that is clearly louder than the background noise, which it measures continuously.

    It cannot tell a voice from a slammed door; use it as the last fallback.
    """

    audio = Input(Audio, rate=one_of(16_000, 8_000, 32_000, 48_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"), channels=1)

    @dataclass(slots=True)
    class State:
        """The noise floor and the speech tracker."""

        tracker: SpeechTracker
        floor: NoiseFloor = field(default_factory=NoiseFloor)

    state: State

    def new_state(self) -> State:
        """A fresh state."""
        return self.State(SpeechTracker(self.params, frame=FRAME))

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | Mark]:
        """Passes the audio on, with each mark directly before the packet in which it was detected."""
        return self.state.tracker.mark(heard, self._voiced)

    def finish(self) -> Iterable[Mark]:
        """Closes open speech."""
        return self.state.tracker.finish()

    def _voiced(self, frame: Samples) -> bool:
        level = loudness(frame)
        floor = self.state.floor.after(level)
        return level > max(floor + self.params.above_noise, self.params.quietest)
