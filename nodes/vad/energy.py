"""`vad.energy`: loud or not, against the noise of the room. Needs no package and always works."""

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
    """How loud speech is."""

    above_noise: float = Field(8.0, ge=3.0, le=40.0)
    """How much louder than the noise of the room a voice is, in dB."""
    quietest: float = Field(-50.0, ge=-90.0, le=0.0)
    """What is quieter than this is never a voice, in dB of full scale."""


class EnergyVad(Transform[EnergyVadParams]):
    """Marks where it is clearly louder than the noise of the room, which it keeps measuring.

    It cannot tell a voice from a slammed door; it is what is left when no other detector can run.
    """

    audio = Input(Audio, rate=one_of(16_000, 8_000, 32_000, 48_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"), channels=1)

    @dataclass(slots=True)
    class State:
        """The noise floor so far, and what has been heard."""

        tracker: SpeechTracker
        floor: NoiseFloor = field(default_factory=NoiseFloor)

    state: State

    def new_state(self) -> State:
        """A room of which nothing is known."""
        return self.State(SpeechTracker(self.params, frame=FRAME))

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | Mark]:
        """Passes the audio on; each mark comes right before the audio in which it was noticed."""
        return self.state.tracker.mark(heard, self._voiced)

    def finish(self) -> Iterable[Mark]:
        """Ends speech that is still open."""
        return self.state.tracker.finish()

    def _voiced(self, frame: Samples) -> bool:
        level = loudness(frame)
        floor = self.state.floor.after(level)
        return level > max(floor + self.params.above_noise, self.params.quietest)
