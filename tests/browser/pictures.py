"""How much two pictures of a page differ."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np


def change(before: bytes, after: bytes) -> float:
    """The mean difference of their pixels, 0 to 255."""
    one, other = pixels(before), pixels(after)
    return float(np.mean(np.abs(one.astype(np.float32) - other.astype(np.float32))))


def pixels(png: bytes) -> Any:
    """Shape (height, width, 3)."""
    with av.open(io.BytesIO(png), "r") as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")
