"""A WAV file in memory."""

from __future__ import annotations

import io
import wave

from nodes.packets import Samples


def wave_bytes(samples: Samples, rate: int) -> bytes:
    """Mono samples, shape (n,), at a rate in Hz as a WAV file with 16 bits a sample."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2", copy=False).tobytes())
    return made.getvalue()
