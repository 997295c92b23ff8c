"""The person: weights of shape targets, colours, and positions on the face.

Everything else in this package is geometry for any shape.
"""

from __future__ import annotations

import numpy as np

from vitagraph.avatar.data import Base, Floats

SHAPE: dict[str, float] = {
    "macrodetails/caucasian-male-young": 0.36,
    "macrodetails/asian-male-young": 0.17,
    "macrodetails/african-male-young": 0.17,
    "macrodetails/caucasian-female-young": 0.18,
    "macrodetails/asian-female-young": 0.06,
    "macrodetails/african-female-young": 0.06,
    "head/head-scale-vert-decr": 0.25,
    "head/head-oval": 0.25,
    "eyes/l-eye-scale-incr": 0.3,
    "eyes/r-eye-scale-incr": 0.3,
    "ears/l-ear-wing-decr": 0.6,
    "ears/r-ear-wing-decr": 0.6,
    "ears/l-ear-scale-decr": 0.25,
    "ears/r-ear-scale-decr": 0.25,
    "mouth/mouth-scale-horiz-decr": 0.2,
    "mouth/mouth-cupidsbow-incr": 0.25,
}
"""A young adult of mixed descent: the first six weights add up to 1, the others are features."""

EXPRESSION: dict[str, float] = {
    "mouthSmileLeft": 0.2,
    "mouthSmileRight": 0.2,
    "cheekSquintLeft": 0.08,
    "cheekSquintRight": 0.08,
    "browInnerUp": 0.12,
    "jawOpen": -0.05,
}
"""The resting expression."""

GAINS: dict[str, float] = {
    "mouthSmileLeft": 0.7,
    "mouthSmileRight": 0.7,
    "eyeBlinkLeft": 0.7,
    "eyeBlinkRight": 0.7,
}
"""Scale of blendshapes that go too far for this face, so that cheeks crease or lids cross."""


def srgb(text: str) -> Floats:
    """A hex colour such as `d9a58a`, as linear values from 0 to 1."""
    return linear(np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0)


def linear(encoded: Floats) -> Floats:
    """Decodes sRGB values."""
    return np.asarray(np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4))


def encoded(linear: Floats) -> Floats:
    """Encodes values as sRGB."""
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


def posed(base: Base) -> Base:
    """Applies the resting expression and moves the origin between the eyes."""
    points = base.points + sum(weight * base.units[name] for name, weight in EXPRESSION.items())
    eyes = [points[base.ids(f"helper-{side}-eye")].mean(axis=0) for side in "lr"]
    units = {name: moved * GAINS.get(name, 1.0) for name, moved in base.units.items()}
    return Base(points - (eyes[0] + eyes[1]) / 2, base.uvs, base.quads, units)


SKIN, HAIR, BROW = srgb("d6a385"), srgb("46301f"), srgb("3a281e")
