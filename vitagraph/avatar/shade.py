"""Ambient occlusion by depth maps.

The surface is projected from many directions onto a grid with the nearest depth of each cell;
a point behind the depth of its cell is occluded in that direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vitagraph.avatar.data import Floats, Integers
from vitagraph.avatar.mesh import Mesh, scattered

THROUGH_SKIN = np.array([0.86, 1.0, 1.05])
"""Exponents of red, green and blue for skin, whose shadows are reddish because it is translucent."""
_DIRECTIONS = 40
_SAMPLES = 120_000
_CELL = 0.003
_BEHIND = 0.0055
"""Metres behind the depth of a cell from which a point is occluded: more than the slope within a cell."""
_ABOVE = 0.001
"""Metres above the surface at which occlusion is sampled."""
_DARKEST = 0.02


def light(meshes: Sequence[Mesh]) -> list[Floats]:
    """Light from 0 (occluded) to 1 (open) for each point of meshes that occlude each other."""
    surface = scattered(meshes, _SAMPLES, np.random.default_rng(5))
    normals = np.concatenate([mesh.normals() for mesh in meshes])
    points = np.concatenate([mesh.points for mesh in meshes]) + normals * _ABOVE
    got, whole = np.zeros(len(points)), np.zeros(len(points))
    for direction in _directions():
        facing = np.maximum(normals @ direction, 0.0)
        got += facing * _sees(points, surface, direction)
        whole += facing
    ends = np.cumsum([len(mesh.points) for mesh in meshes])[:-1]
    parts = np.split(got / np.maximum(whole, 1e-9), ends)
    return [_smoothed(mesh, part) for mesh, part in zip(meshes, parts, strict=True)]


def shaded(mesh: Mesh, amount: Floats, strength: float, exponents: Floats | float = 1.0) -> Mesh:
    """The mesh with its colours darkened by occlusion."""
    left = np.maximum(1.0 - strength * (1.0 - amount), _DARKEST)
    return mesh.tinted(left[:, None] ** exponents)


def _directions() -> Floats:
    """Evenly distributed directions on a spiral over the sphere."""
    height = 1.0 - 2.0 * (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
    turn = np.arange(_DIRECTIONS) * np.pi * (3.0 - np.sqrt(5.0))
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)


def _sees(points: Floats, surface: Floats, direction: Floats) -> Floats:
    across = np.cross(direction, (0.0, 1.0, 0.0))
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(across, direction), direction], axis=1)
    drawn, asked = surface @ axes, points @ axes
    origin = drawn[:, :2].min(axis=0) - _CELL
    size = np.ceil((drawn[:, :2].max(axis=0) - origin) / _CELL).astype(int) + 2
    depths = np.full(int(size[0] * size[1]), -9.0)
    np.maximum.at(depths, _cells(drawn, origin, size), drawn[:, 2])
    return np.asarray(asked[:, 2] > depths[_cells(asked, origin, size)] - _BEHIND, dtype=np.float64)


def _cells(places: Floats, origin: Floats, size: Integers) -> Integers:
    column, row = np.clip(((places[:, :2] - origin) / _CELL).astype(int), 0, size - 1).T
    return np.asarray(column * size[1] + row)


def _smoothed(mesh: Mesh, values: Floats) -> Floats:
    """Averages with neighbours, also across seams."""
    count = int(mesh.weld.max()) + 1
    sides = mesh.weld[mesh.triangles[:, [0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2]]].reshape(-1, 2)
    whole = np.bincount(mesh.weld, values, count) / np.maximum(np.bincount(mesh.weld, minlength=count), 1)
    degree = np.bincount(sides[:, 0], minlength=count)
    for _ in range(2):
        total = np.bincount(sides[:, 0], whole[sides[:, 1]], count)
        whole = np.where(degree > 0, 0.5 * whole + 0.5 * total / np.maximum(degree, 1), whole)
    return np.asarray(whole[mesh.weld])
