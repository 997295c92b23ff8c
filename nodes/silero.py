"""Silero's voice model, version 6, which comes with faster-whisper: how likely 32 ms of sound are a voice."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Samples
from pipeline.errors import DependencyError

Floats = NDArray[np.float32]

RATE = 16_000
WINDOW = 512
"""Samples per step of the model."""
CONTEXT = 64
"""Samples before the window that the model sees as context."""


def load_silero(_: object) -> Any:
    """Loads the model shipped with faster-whisper; raises DependencyError without it."""
    spec = find_spec("faster_whisper")
    try:
        import onnxruntime
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise DependencyError(
            "Silero needs the packages onnxruntime and faster-whisper, whose model it uses",
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


class SileroStream:
    """The recurrent state of the model for one stream of sound at 16 kHz."""

    __slots__ = ("_cell", "_hidden", "_seen")

    def __init__(self) -> None:
        self._hidden: Floats = np.zeros((1, 1, 128), np.float32)
        self._cell: Floats = np.zeros((1, 1, 128), np.float32)
        self._seen: Floats = np.zeros((1, CONTEXT + WINDOW), np.float32)
        """The last window, with its context."""

    def probability(self, model: Any, window: Samples) -> float:
        """Probability of voice in the next window of 512 samples, 0 to 1; takes 60 µs."""
        seen = self._seen
        seen[0, :CONTEXT] = seen[0, -CONTEXT:]
        np.multiply(window, 1 / 32768, out=seen[0, CONTEXT:], dtype=np.float32)
        inputs = {"input": seen, "h": self._hidden, "c": self._cell}
        # The session is shared between threads; all of its state is in these arrays.
        probability, self._hidden, self._cell = model.run(None, inputs)
        return float(probability[0])
