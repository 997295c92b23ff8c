"""From resampled sound back to whole numbers, the same each time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Samples


def whole(sound: NDArray[np.float32]) -> Samples:
    """Rounded to int16 and clipped; soxr itself would add noise, from another seed each time."""
    rounded: NDArray[Any] = np.rint(sound)
    return rounded.clip(-32768, 32767).astype(np.int16)
