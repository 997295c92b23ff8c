"""Where hair grows, how long it is, and how far it stands off."""

from __future__ import annotations

import numpy as np

from vitagraph.avatar.data import Floats
from vitagraph.avatar.mesh import smoothstep

PARTING = 0.03
"""Metres to the left of the centre."""


def height(places: Floats) -> Floats:
    """Approximate metres above the hairline; negative where no hair grows."""
    x, y, z = np.moveaxis(places, -1, 0)
    x = np.abs(x)
    forehead = 0.060 - 0.004 * np.exp(-((x / 0.016) ** 2)) + 0.006 * np.exp(-(((x - 0.043) / 0.013) ** 2))
    temple = forehead + (0.014 - forehead) * smoothstep(-0.004, -0.05, z)
    sideburn = 0.033 * smoothstep(-0.038, -0.046, z) * smoothstep(-0.058, -0.053, z)
    behind_the_ear = smoothstep(-0.094, -0.112, z)
    return np.asarray(y - (temple - sideburn) * (1 - behind_the_ear) + 0.082 * behind_the_ear)


def top(places: Floats) -> Floats:
    """1 on the top of the head, where hair is long; 0 at the sides and the back."""
    x, y, z = np.moveaxis(places, -1, 0)
    return smoothstep(0.045, 0.078, y + 0.03 * smoothstep(-0.06, -0.005, z) - 0.25 * np.abs(x))


def stand(places: Floats) -> Floats:
    """Metres from the skin to the surface of the hair."""
    z = places[..., 2]
    edge = smoothstep(-0.001, 0.03, height(places))
    front = smoothstep(-0.07, 0.0, z)
    parted = 1.0 - 0.5 * np.exp(-(((places[..., 0] - PARTING) / 0.007) ** 2)) * smoothstep(-0.11, -0.08, z)
    return np.asarray((0.001 + edge * (0.0055 + top(places) * (0.0095 + 0.009 * front))) * parted)


def length(places: Floats) -> Floats:
    """Metres from the root to the tip."""
    edge = smoothstep(0.0, 0.05, height(places))
    return np.asarray(0.009 + 0.012 * edge + 0.036 * top(places))


def combed(places: Floats) -> Floats:
    """Direction of the hair before it is projected onto the skin."""
    x, _, z = np.moveaxis(places, -1, 0)
    long = top(places)[..., None]
    side = np.where(x < PARTING, -1.0, 1.0)
    front = smoothstep(-0.06, 0.0, z)
    swept = np.stack([0.85 * side, 0.5 * front, -0.75 + 0.15 * front], axis=-1)
    back = smoothstep(-0.09, -0.13, z)
    hanging = np.stack([0.0 * x, -0.75 - 0.5 * back, -0.7 * (1 - back)], axis=-1)
    return np.asarray(hanging + (swept - hanging) * long)
