"""Operations on meshes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitagraph.avatar.mesh import Mesh, clip, join, moved, plain, scattered


def _grid(size: int = 6) -> Mesh:
    """A square of a metre, facing +Z, with a morph that lifts its right edge."""
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(size * size)], axis=1)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    right, above = corner + 1, corner + size
    triangles = np.concatenate([np.stack([corner, right, above], 1), np.stack([right, above + 1, above], 1)])
    mesh = plain(points, triangles)
    mesh.morphs["jawOpen"] = points[:, :1] * (0.0, 0.0, 1.0)
    return mesh


def _area(mesh: Mesh) -> float:
    a, b, c = (mesh.points[mesh.triangles[:, corner]] for corner in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@given(st.floats(0.01, 0.99), st.floats(-1, 1))
def test_mesh_clip_cuts_exactly_at_the_line(at: float, slope: float) -> None:
    """A neckline along triangle edges would be jagged."""
    mesh = _grid()
    height = mesh.points[:, 0] - at + slope * (mesh.points[:, 1] - 0.5)
    cut = clip(mesh, height)
    left = cut.points[:, 0] - at + slope * (cut.points[:, 1] - 0.5)
    assert left.min() > -1e-9
    # Where the line leaves at the left or right, the area is not a trapezium.
    if abs(slope) / 2 < min(at, 1 - at):
        assert _area(cut) == pytest.approx(1 - at, abs=1e-6)
    # What the morph does is interpolated like the points.
    assert cut.morphs["jawOpen"][:, 2] == pytest.approx(cut.points[:, 0])
    assert (cut.normals()[:, 2] > 0.999).all()


def test_mesh_join_keeps_morphs_apart() -> None:
    """The shirt must not open with the jaw."""
    still = plain(_grid().points + np.array([2.0, 0.0, 0.0]), _grid().triangles)
    both = moved(join([_grid(), still]), {"jawOpen": 0.5})
    assert both.points[:36, 2].max() == 0.5
    assert not both.points[36:, 2].any()
    assert _area(both) > 2.0


def test_mesh_is_not_moved_by_a_morph_it_lacks() -> None:
    assert (moved(_grid(), {"tongueOut": 1.0}).points == _grid().points).all()


def test_mesh_scatter_is_on_the_surface_and_evenly_dense() -> None:
    """Uneven hair would have bald spots."""
    places = scattered([_grid()], 4000, np.random.default_rng(1))
    assert (places[:, 2] == 0).all() and places.min() >= 0 and places.max() <= 1
    quarters = np.histogram2d(places[:, 0], places[:, 1], bins=2, range=[[0, 1], [0, 1]])[0]
    assert quarters == pytest.approx(np.full((2, 2), 1000), rel=0.12)
