"""Ambient occlusion."""

from __future__ import annotations

import numpy as np

from vitagraph.avatar import shade
from vitagraph.avatar.mesh import Mesh, plain


def _floor(width: float, height: float) -> Mesh:
    """A square of many points that faces up."""
    x, z = (side.ravel() for side in np.meshgrid(np.linspace(-width, width, 25), np.linspace(-width, width, 25)))
    corner = (np.arange(24)[:, None] * 25 + np.arange(24)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 25, corner + 1], 1), np.stack([corner + 1, corner + 25, corner + 26], 1)]
    )
    return plain(np.stack([x, np.full(len(x), height), z], axis=1), triangles)


def test_shade_is_dark_under_an_overhang() -> None:
    """Otherwise the mouth would glow and the chin throw no shadow."""
    floor, roof = _floor(0.1, 0.0), _floor(0.04, 0.02)
    (amount, above) = shade.light([floor, roof])
    middle, edge = 12 * 25 + 12, 0
    assert amount[middle] < 0.3 < 0.7 < amount[edge]
    assert above.min() > 0.9
    dark = shade.shaded(floor, amount, 1.0).colours
    assert dark[middle, 0] < dark[edge, 0] and (dark[:, 3] == 1).all()
