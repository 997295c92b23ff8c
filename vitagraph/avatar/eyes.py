"""The eyes: two spheres with a cornea, at the helper eyes of the base mesh."""

from __future__ import annotations

import numpy as np

from vitagraph.avatar.data import Base, Floats
from vitagraph.avatar.mesh import Mesh, join, plain, smoothstep, unit
from vitagraph.avatar.person import encoded, srgb
from vitagraph.avatar.png import Bytes

_COLUMNS = 28
_ANGLES = np.radians([6, 12, 16, 19, 22, 25, 28, 32, 38, 46, 56, 68, 82, 100, 125])
"""Angles of the rings from the gaze axis backwards, dense at the edge of the iris."""
_IRIS = np.radians(27.0)
_BULGE = 0.045
"""Height of the cornea as a share of the radius."""
_SIZE = 256
_SPAN = np.radians(70.0)
"""Angle from the gaze axis at the edge of the texture."""


def eyes(base: Base) -> Mesh:
    """Both eyes, with morphs for the gaze."""
    return join([_eye(base, side) for side in "lr"])


def centre(base: Base, side: str) -> tuple[Floats, float]:
    """Centre and radius of an eye."""
    helper = base.points[base.ids(f"helper-{side}-eye")]
    radius = float(np.ptp(helper[:, :2], axis=0).min()) / 2
    middle = (helper.min(axis=0) + helper.max(axis=0)) / 2
    return np.array([middle[0], middle[1], helper[:, 2].max() - radius]), radius


def _eye(base: Base, side: str) -> Mesh:
    middle, radius = centre(base, side)
    angle = np.concatenate([[0.0], np.repeat(_ANGLES, _COLUMNS)])
    turn = np.concatenate([[0.0], np.tile(np.arange(_COLUMNS) / _COLUMNS * 2 * np.pi, len(_ANGLES))])
    flat = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    sphere = np.concatenate([flat * np.sin(angle)[:, None], np.cos(angle)[:, None]], axis=1)
    bulge = 1.0 + _BULGE * (1.0 - smoothstep(0.25, 1.0, angle / (_IRIS * 1.15)))
    points = sphere * (radius * bulge)[:, None]
    uvs = 0.5 + flat * (1, -1) * np.minimum(angle / _SPAN, 1.0)[:, None] * 0.5
    mesh = plain(points + middle, _rings(), uvs)
    mesh.morphs.update(_gaze(base, side, points, middle))
    return mesh


def _rings() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    column = np.arange(_COLUMNS)
    after = (column + 1) % _COLUMNS
    fan = np.stack([np.zeros_like(column), column + 1, after + 1], axis=1)
    bands = []
    for ring in range(len(_ANGLES) - 1):
        inner, outer = 1 + ring * _COLUMNS, 1 + (ring + 1) * _COLUMNS
        bands += [
            np.stack([inner + column, outer + column, outer + after], axis=1),
            np.stack([inner + column, outer + after, inner + after], axis=1),
        ]
    return np.concatenate([fan, *bands])


def _gaze(base: Base, side: str, points: Floats, middle: Floats) -> dict[str, Floats]:
    """Gaze morphs that turn the eye as far as the helper eye, so that the lids fit."""
    word = {"l": "Left", "r": "Right"}[side]
    helper = base.ids(f"helper-{side}-eye")
    front = helper[np.argmax(base.points[helper, 2])]
    before = base.points[front] - middle
    turned: dict[str, Floats] = {}
    for way in ("Down", "In", "Out", "Up"):
        name = f"eyeLook{way}{word}"
        rotation = _rotation(unit(before), unit(before + base.units[name][front]))
        turned[name] = points @ rotation.T - points
    return turned


def _rotation(start: Floats, end: Floats) -> Floats:
    """The smallest rotation from one direction to another."""
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + start @ end))


def picture() -> Bytes:
    """Texture of white, iris and pupil, seen along the gaze axis."""
    y, x = (np.mgrid[0:_SIZE, 0:_SIZE] + 0.5) / _SIZE * 2 - 1
    radius, turn = np.hypot(x, y) * _SPAN / _IRIS, np.arctan2(y, x)
    noise = np.random.default_rng(7)
    fibres = sum(
        noise.normal() * np.cos(count * turn + noise.uniform(0, 6.28) + 1.5 * radius) for count in range(9, 64, 3)
    )
    white = _mixed(srgb("f3ebe4"), srgb("d9a99c"), smoothstep(1.5, 2.6, radius))
    inner = _mixed(srgb("7d5a36"), srgb("4d3a2a"), smoothstep(0.45, 0.85, radius))
    inner *= 1.0 + 0.11 * np.asarray(fibres)[:, :, None] * smoothstep(0.35, 0.6, radius)[:, :, None] / 2.2
    iris = _mixed(inner, srgb("1d1510"), smoothstep(0.82, 1.0, radius))
    colour = _mixed(iris, white, smoothstep(0.95, 1.06, radius))
    colour = _mixed(srgb("050404"), colour, smoothstep(0.34, 0.42, radius))
    return np.asarray(np.rint(encoded(np.clip(colour, 0, 1)) * 255), dtype=np.uint8)


def _mixed(low: Floats, high: Floats, share: Floats) -> Floats:
    return np.asarray(low + (high - low) * share[:, :, None])
