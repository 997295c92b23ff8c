"""The one curve that everything in a face moves along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 up to 0, 1 from 1, and an S between them."""
    x = np.clip(x, 0, 1)
    curve: NDArray[np.float64] = x * x * (3 - 2 * x)
    return curve
