"""Synthetic speeches for tests, and the frames of the face for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodes.face.arkit import INDEX
from nodes.face.visemes import Visemes
from nodes.packets import AvatarFrames, Phoneme, Speech
from pipeline.cause import Cause
from pipeline.packet import SECOND, Stamp
from pipeline.testing import run_node

RATE = 16_000
TURN = Cause(1, "turn", committed=True)

Frames = NDArray[np.float32]


def phonemes(*spans: tuple[str, int]) -> tuple[Phoneme, ...]:
    """Consecutive phonemes from symbols and milliseconds."""
    made, at = [], 0
    for symbol, length in spans:
        made.append(Phoneme(symbol, at * 1_000_000, (at + length) * 1_000_000))
        at += length
    return tuple(made)


def speech(said: tuple[Phoneme, ...], text: str = "", pts: int = 0) -> Speech:
    """A steady hum as long as the phonemes."""
    duration = said[-1].end
    return sounding(hum(duration / SECOND), text, pts, said)


def sounding(
    samples: NDArray[np.float64], text: str = "", pts: int = 0, said: tuple[Phoneme, ...] = (), rate: int = RATE
) -> Speech:
    """A speech of these samples, full scale 1."""
    whole = (samples * 32767).astype(np.int16)
    return Speech(Stamp(pts, len(whole) * SECOND // rate, TURN), whole, rate, text, said)


def hum(seconds: float, level: float = 0.2, hertz: float = 200) -> NDArray[np.float64]:
    """A tone."""
    tone: NDArray[np.float64] = level * np.sin(np.arange(round(RATE * seconds)) / RATE * 2 * np.pi * hertz)
    return tone


def batches(*speeches: Speech, **params: Any) -> list[AvatarFrames]:
    """The output of the node for some speeches."""
    out = run_node(Visemes(**params), list(speeches), paced=False)
    assert out.errors == []
    return out.of(AvatarFrames)


def rows(*speeches: Speech, **params: Any) -> Frames:
    """All frames, weights and pose side by side."""
    return np.vstack([np.hstack([made.weights, made.pose]) for made in batches(*speeches, **params)])


def column(frames: Frames, name: str) -> Frames:
    """One blendshape over time."""
    return frames[:, INDEX[name]]
