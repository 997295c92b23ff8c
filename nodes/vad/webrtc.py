"""`vad.webrtc`: the voice activity detector of the WebRTC project."""

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
"""Frame length: of the supported 10, 20 and 30 ms, that of packets on live links."""
ABOVE_NOISE = 3.0
"""Minimum dB above the noise floor. For its first 100 ms the detector takes steady noise for a
voice; without this gate every call from a noisy room would start with false speech."""


class WebRtcVadParams(SpeechParams):
    """Strictness of the detector."""

    aggressiveness: int = Field(2, ge=0, le=3)
    """How strictly non-speech is rejected: 0 passes the most, 3 the least."""


def load_webrtc(_: WebRtcVadParams) -> Any:
    """Returns the detector class; pooled because importing its package reads files."""
    try:
        import webrtcvad
    except ImportError as error:
        raise DependencyError(
            "the package webrtcvad-wheels is not installed",
            hint="pip install webrtcvad-wheels, or use vad.energy, which needs no package",
        ) from error
    return webrtcvad.Vad


class WebRtcVad(Transform[WebRtcVadParams]):
    """Marks where speech starts and ends, with WebRTC's detector."""

    make = Pooled(load_webrtc, key=lambda _: "webrtcvad")
    audio = Input(Audio, rate=one_of(16_000, 8_000, 32_000, 48_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"), channels=1)

    @dataclass(slots=True)
    class State:
        """The detector, the noise floor and the speech tracker."""

        is_speech: Callable[[bytes, int], bool]
        tracker: SpeechTracker
        floor: NoiseFloor = field(default_factory=NoiseFloor)

    state: State

    def new_state(self) -> State:
        """A fresh state."""
        return self.State(
            self.make.member(self.params.aggressiveness).is_speech, SpeechTracker(self.params, frame=FRAME)
        )

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | Mark]:
        """Passes the audio on, with each mark directly before the packet in which it was detected."""
        state, rate = self.state, heard.rate

        def voiced(frame: Samples) -> bool:
            level = loudness(frame)
            above = level > state.floor.after(level) + ABOVE_NOISE
            # The detector needs the quiet frames too, to track the noise itself.
            return state.is_speech(frame.tobytes(), rate) and above

        return state.tracker.mark(heard, voiced)

    def finish(self) -> Iterable[Mark]:
        """Closes open speech."""
        return self.state.tracker.finish()
