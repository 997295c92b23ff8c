"""Paints textures in metres: a canvas knows the position in space of each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitagraph.avatar.data import Floats, Integers
from vitagraph.avatar.mesh import smoothstep


@dataclass
class Canvas:
    """A texture on a surface."""

    colour: Floats
    """Shape (height, width, 3): linear colours."""
    places: Floats
    """Shape (height, width, 3): position of each pixel; far away outside the surface."""
    covered: NDArray[np.bool_]

    def mix(self, colour: Floats, share: Floats) -> None:
        """Blends a colour over the canvas; `share` is 0 to 1 for each pixel."""
        self.colour += (colour - self.colour) * share[:, :, None]

    def near(self, place: tuple[float, float, float], reach: tuple[float, float, float]) -> Floats:
        """A soft spot: 1 at a place and its mirror image, falling off to all sides."""
        mirrored = self.places.copy()
        mirrored[:, :, 0] = np.abs(mirrored[:, :, 0])
        away = (((mirrored - place) / reach) ** 2).sum(axis=2)
        return np.asarray(np.exp(-away))

    def stroke(self, start: Floats, end: Floats, width: float, colour: Floats, strength: float) -> None:
        """A hair: a line between two pixels (x, y) that tapers to its end."""
        low = np.maximum(np.floor(np.minimum(start, end)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(np.maximum(start, end)).astype(int) + 3, self.colour.shape[1::-1])
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        along = end - start
        share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-9), 0.0, 1.0)
        away = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        ink = strength * (1.0 - smoothstep(0.0, 1.0, away / (width * (1.15 - share)) - 0.3))
        window = self.colour[low[1] : high[1], low[0] : high[0]]
        window += (colour - window) * ink[:, :, None]

    def spread(self, steps: int) -> None:
        """Extends the colours beyond the edges of the surface, so that no texture seam shows."""
        known = self.covered.astype(np.float64)
        for _ in range(steps):
            total, weight = _around(self.colour * known[:, :, None]), _around(known[:, :, None])
            fresh = (known == 0) & (weight[:, :, 0] > 0)
            self.colour[fresh] = total[fresh] / weight[fresh]
            known[fresh] = 1.0


def canvas(points: Floats, pixels: Floats, triangles: Integers, size: tuple[int, int], ground: Floats) -> Canvas:
    """A canvas of one colour; `pixels` is the position (x, y) of each point of the surface on it."""
    places = np.full((*size, 3), 9.0)
    covered = np.zeros(size, np.bool_)
    for triangle in triangles:
        corners = pixels[triangle]
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, size[::-1])
        if (low < high).all():
            _fill(places, covered, corners, points[triangle], low, high)
    return Canvas(np.broadcast_to(ground, (*size, 3)).copy(), places, covered)


def _fill(
    places: Floats, covered: NDArray[np.bool_], corners: Floats, points: Floats, low: Integers, high: Integers
) -> None:
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    sides = np.stack([corners[1] - corners[0], corners[2] - corners[0]], axis=1)
    if abs(np.linalg.det(sides)) < 1e-9:
        return
    shares = np.stack([x - corners[0, 0], y - corners[0, 1]], axis=-1) @ np.linalg.inv(sides).T
    weights = np.concatenate([1.0 - shares.sum(axis=-1, keepdims=True), shares], axis=-1)
    inside = (weights > -1e-6).all(axis=-1)
    places[low[1] : high[1], low[0] : high[0]][inside] = weights[inside] @ points
    covered[low[1] : high[1], low[0] : high[0]][inside] = True


def _around(values: Floats) -> Floats:
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    return np.asarray(padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:])


def noise(places: Floats, size: float, seed: int) -> Floats:
    """Smooth spatial noise from about -1 to 1, with spots of `size` metres."""
    rng = np.random.default_rng(seed)
    total = np.zeros(places.shape[:-1])
    for wave, phase in zip(rng.normal(size=(8, 3)) / size, rng.uniform(0, 2 * np.pi, 8), strict=True):
        total += np.cos(places @ wave + phase)
    return total / 3.0
