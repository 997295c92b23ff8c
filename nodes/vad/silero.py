"""`vad.silero`: the Silero neural detector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart
from nodes.silero import RATE, WINDOW, SileroStream, load_silero
from nodes.vad._speech import Mark, SpeechParams, SpeechTracker
from pipeline.caps import same
from pipeline.compute.pool import Pooled
from pipeline.node import Transform
from pipeline.params import ms
from pipeline.port import Input, Output

HYSTERESIS = 0.15
"""How far the threshold drops during speech, as the authors of the model recommend."""


class SileroVadParams(SpeechParams):
    """Threshold of the detector."""

    threshold: float = Field(0.5, ge=0.05, le=0.95)
    """Probability above which a window (32 ms) counts as voiced, 0 to 1."""


class SileroVad(Transform[SileroVadParams]):
    """Marks where speech starts and ends with the Silero model, the most reliable in noise and music.

    It takes 2 µs per millisecond of audio, about eight times as long as vad.webrtc.
    """

    engine = Pooled(load_silero, key=lambda _: "silero_vad_v6")
    audio = Input(Audio, rate=RATE, channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"), channels=1)

    @dataclass(slots=True)
    class State:
        """The recurrent state of the model and the speech tracker."""

        tracker: SpeechTracker
        stream: SileroStream = field(default_factory=SileroStream)

    state: State

    def new_state(self) -> State:
        """A fresh state."""
        return self.State(SpeechTracker(self.params, frame=ms(1000 * WINDOW / RATE)))

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | Mark]:
        """Passes the audio on, with each mark directly before the packet in which it was detected."""
        return self.state.tracker.mark(heard, self._voiced)

    def finish(self) -> Iterable[Mark]:
        """Closes open speech."""
        return self.state.tracker.finish()

    def _voiced(self, window: Samples) -> bool:
        wanted = self.params.threshold - (HYSTERESIS if self.state.tracker.speaking else 0.0)
        return self.probability(window) >= wanted

    def probability(self, window: Samples) -> float:
        """Probability of voice in the next window, 0 to 1."""
        return self.state.stream.probability(self.engine.member, window)
