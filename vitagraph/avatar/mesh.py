"""Triangle meshes with attributes and morphs, and operations on them: select, clip, join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vitagraph.avatar.data import Base, Floats, Integers

_STILL = 2e-6
"""Displacement in metres below which a point counts as unmoved."""


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh; points on a texture seam are duplicated, and `weld` identifies them."""

    points: Floats
    uvs: Floats
    triangles: Integers
    weld: Integers
    """Equal for points that differ only in their texture coordinate."""
    colours: Floats
    """Shape (points, 4): linear colours, multiplied with that of the material."""
    morphs: dict[str, Floats] = field(default_factory=dict)
    """By ARKit name, shape (points, 3); only morphs that move this mesh."""

    def normals(self, moved: Floats | None = None) -> Floats:
        """Vertex normals, smooth across seams; `moved` is added to the points."""
        points = self.points if moved is None else self.points + moved
        a, b, c = (points[self.triangles[:, corner]] for corner in range(3))
        sums = np.zeros((int(self.weld.max()) + 1, 3))
        faces = np.cross(b - a, c - a)
        for corner in range(3):
            np.add.at(sums, self.weld[self.triangles[:, corner]], faces)
        return unit(sums)[self.weld]

    def tinted(self, colours: Floats) -> Mesh:
        """A copy with its colours multiplied by others of shape (points, 3) or (points, 1)."""
        return replace(self, colours=np.concatenate([self.colours[:, :3] * colours, self.colours[:, 3:]], axis=1))


def unit(vectors: Floats) -> Floats:
    """The vectors scaled to length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def moved(mesh: Mesh, weights: dict[str, float]) -> Mesh:
    """The mesh with some morphs applied; morphs that it lacks are ignored."""
    away = sum((weight * mesh.morphs[name] for name, weight in weights.items() if name in mesh.morphs), np.zeros(3))
    return replace(mesh, points=mesh.points + away)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """Smoothstep from 0 at `low` to 1 at `high`."""
    x = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def plain(points: Floats, triangles: Integers, uvs: Floats | None = None) -> Mesh:
    """A white mesh without morphs or seams."""
    flat = np.zeros((len(points), 2)) if uvs is None else uvs
    return Mesh(points, flat, triangles, np.arange(len(points)), np.ones((len(points), 4)))


def split(quads: Integers) -> Integers:
    """Two triangles for each quad."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3)


def cut_out(base: Base, quads: Integers) -> Mesh:
    """A mesh of some faces of the base, with every blendshape that moves one of their points."""
    corners, places = np.unique(quads.reshape(-1, 2), axis=0, return_inverse=True)
    ids = corners[:, 0]
    morphs = {name: moved[ids] for name, moved in base.units.items() if np.abs(moved[ids]).max() > _STILL}
    return Mesh(
        points=base.points[ids],
        uvs=base.uvs[corners[:, 1]],
        triangles=split(places.reshape(-1, 4)),
        weld=np.unique(ids, return_inverse=True)[1].reshape(-1),
        colours=np.ones((len(ids), 4)),
        morphs=morphs,
    )


def join(parts: Sequence[Mesh]) -> Mesh:
    """Joins meshes; a morph does not move the meshes that lack it."""
    points = np.cumsum([0, *(len(part.points) for part in parts)])
    welds = np.cumsum([0, *(int(part.weld.max()) + 1 for part in parts)])
    names = {name: None for part in parts for name in part.morphs}
    return Mesh(
        points=np.concatenate([part.points for part in parts]),
        uvs=np.concatenate([part.uvs for part in parts]),
        triangles=np.concatenate([part.triangles + start for part, start in zip(parts, points[:-1], strict=True)]),
        weld=np.concatenate([part.weld + start for part, start in zip(parts, welds[:-1], strict=True)]),
        colours=np.concatenate([part.colours for part in parts]),
        morphs={
            name: np.concatenate([part.morphs.get(name, np.zeros_like(part.points)) for part in parts])
            for name in names
        },
    )


def scattered(meshes: Sequence[Mesh], count: int, rng: np.random.Generator) -> Floats:
    """Uniformly distributed random places on the surface of meshes."""
    corners = np.concatenate([mesh.points[mesh.triangles] for mesh in meshes])
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = np.searchsorted(np.cumsum(areas) / areas.sum(), rng.uniform(0, 1, count))
    shares = np.diff(np.sort(rng.uniform(0, 1, (count, 2)), axis=1), axis=1, prepend=0.0, append=1.0)
    return np.asarray((shares[:, :, None] * corners[np.minimum(chosen, len(corners) - 1)]).sum(axis=1))


def clip(mesh: Mesh, height: Floats) -> Mesh:
    """The part where `height` (one value per point) is positive; triangles on the edge are cut."""
    height = np.where(height < 1e-9, np.minimum(height, 0.0), height)  # avoids slivers
    above = height[mesh.triangles] > 0
    whole = mesh.triangles[above.all(axis=1)]
    new: dict[tuple[int, int], int] = {}
    pieces: list[tuple[int, int, int]] = []
    for triangle in mesh.triangles[above.any(axis=1) & ~above.all(axis=1)]:
        corners: list[int] = []
        for here, there in zip(triangle.tolist(), np.roll(triangle, -1).tolist(), strict=True):
            if height[here] > 0:
                corners.append(here)
            if (height[here] > 0) != (height[there] > 0):
                corners.append(new.setdefault((min(here, there), max(here, there)), len(height) + len(new)))
        pieces += [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
    edges = np.array(list(new), dtype=np.int64).reshape(-1, 2)
    share = height[edges[:, 0]] / (height[edges[:, 0]] - height[edges[:, 1]])
    return compact(_extended(mesh, edges, share), np.concatenate([whole, np.array(pieces, np.int64).reshape(-1, 3)]))


def _extended(mesh: Mesh, edges: Integers, share: Floats) -> Mesh:
    """Adds a point on each edge, at a share of its length."""

    def longer(values: Floats) -> Floats:
        start, end = values[edges[:, 0]], values[edges[:, 1]]
        return np.concatenate([values, start + (end - start) * share[:, None]])

    # On a seam, the new points of both sides must be welded.
    pairs = np.sort(mesh.weld[edges], axis=1)
    welds = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1) + int(mesh.weld.max()) + 1
    return Mesh(
        points=longer(mesh.points),
        uvs=longer(mesh.uvs),
        triangles=mesh.triangles,
        weld=np.concatenate([mesh.weld, welds]),
        colours=longer(mesh.colours),
        morphs={name: longer(moved) for name, moved in mesh.morphs.items()},
    )


def compact(mesh: Mesh, triangles: Integers) -> Mesh:
    """Some triangles of a mesh, without unused points."""
    ids, places = np.unique(triangles, return_inverse=True)
    return Mesh(
        points=mesh.points[ids],
        uvs=mesh.uvs[ids],
        triangles=places.reshape(-1, 3),
        weld=np.unique(mesh.weld[ids], return_inverse=True)[1].reshape(-1),
        colours=mesh.colours[ids],
        morphs={name: moved[ids] for name, moved in mesh.morphs.items() if np.abs(moved[ids]).max() > _STILL},
    )
