"""`vad.webrtc`: the detector of the WebRTC project."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart
from nodes.vad._noise import NoiseFloor, loudness
from nodes.vad._speech import Mark, SpeechParams, SpeechTracker
from pipeline.caps import one_of, same
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError
from pipeline.node import Transform
from pipeline.params import ms
from pipeline.port import Input, Output

FRAME = ms(20)
"""Of the 10, 20 and 30 ms that the detector takes: the packets of a live link."""


ABOVE_NOISE = 3.0
"""dB. The detector takes any steady noise for a voice until it has got used to it, some
100 ms: without this gate a call in a noisy room begins with speech that nobody spoke."""


class WebRtcVadParams(SpeechParams):
    """How strict it is."""

    aggressiveness: int = Field(2, ge=0, le=3)
    """How much is rejected: 0 passes the most, 3 the least."""


def load_webrtc(_: WebRtcVadParams) -> Any:
    """The class of the detectors; importing its package reads files, so it is done once and elsewhere."""
    try:
        import webrtcvad
    except ImportError as error:
        raise DependencyError(
            "the package webrtcvad-wheels is not installed",
            hint="pip install webrtcvad-wheels, or use vad.energy, which needs no package",
        ) from error
    return webrtcvad.Vad


class WebRtcVad(Transform[WebRtcVadParams]):
    """Marks where speech begins and ends, with WebRTC's detector."""

    make = Pooled(load_webrtc, key=lambda _: "webrtcvad")
    audio = Input(Audio, rate=one_of(16_000, 8_000, 32_000, 48_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"), channels=1)

    @dataclass(slots=True)
    class State:
        """The detector and what it has heard."""

        is_speech: Callable[[bytes, int], bool]
        tracker: SpeechTracker
        floor: NoiseFloor = field(default_factory=NoiseFloor)

    state: State

    def new_state(self) -> State:
        """A detector that has heard nothing."""
        return self.State(
            self.make.member(self.params.aggressiveness).is_speech, SpeechTracker(self.params, frame=FRAME)
        )

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | Mark]:
        """Passes the audio on; each mark comes right before the audio in which it was noticed."""
        state, rate = self.state, heard.rate

        def voiced(frame: Samples) -> bool:
            level = loudness(frame)
            above = level > state.floor.after(level) + ABOVE_NOISE
            # It must hear the quiet frames too, or its own idea of the noise goes wrong.
            return state.is_speech(frame.tobytes(), rate) and above

        return state.tracker.mark(heard, voiced)

    def finish(self) -> Iterable[Mark]:
        """Ends speech that is still open."""
        return self.state.tracker.finish()
