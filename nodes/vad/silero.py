"""`vad.silero`: the Silero neural detector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart
from nodes.vad._speech import Mark, SpeechParams, SpeechTracker
from pipeline.caps import same
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError
from pipeline.node import Transform
from pipeline.params import ms
from pipeline.port import Input, Output

Floats = NDArray[np.float32]

RATE = 16_000
WINDOW = 512
"""Samples per step of the model."""
CONTEXT = 64
"""Samples before the window that the model sees as context."""
HYSTERESIS = 0.15
"""How far the threshold drops during speech, as the authors of the model recommend."""


class SileroVadParams(SpeechParams):
    """Threshold of the detector."""

    threshold: float = Field(0.5, ge=0.05, le=0.95)
    """Probability above which a window (32 ms) counts as voiced, 0 to 1."""


def load_silero(_: SileroVadParams) -> Any:
    """Loads the model shipped with faster-whisper; raises DependencyError without it."""
    spec = find_spec("faster_whisper")
    try:
        import onnxruntime
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise DependencyError(
            "vad.silero needs the packages onnxruntime and faster-whisper, whose model it uses",
            hint="pip install onnxruntime faster-whisper, or use vad.webrtc",
        )
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    file = Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"
    if not file.is_file():
        raise DependencyError(
            f"this version of faster-whisper has no {file.name}", hint="pip install 'faster-whisper>=1.2'"
        )
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


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
        hidden: Floats = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))
        cell: Floats = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))
        seen: Floats = field(default_factory=lambda: np.zeros((1, CONTEXT + WINDOW), np.float32))
        """The last window, with its context."""

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
        state = self.state
        seen = state.seen
        seen[0, :CONTEXT] = seen[0, -CONTEXT:]
        np.multiply(window, 1 / 32768, out=seen[0, CONTEXT:], dtype=np.float32)
        inputs = {"input": seen, "h": state.hidden, "c": state.cell}
        # The session is shared between threads; all of its state is in these arrays.
        probability, state.hidden, state.cell = self.engine.member.run(None, inputs)
        return float(probability[0])
