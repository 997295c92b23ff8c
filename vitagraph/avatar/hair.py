"""The hair: a dark cap close to the skin, with several thousand tapered locks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vitagraph.avatar import hairline
from vitagraph.avatar.data import Base, Floats
from vitagraph.avatar.mesh import Mesh, clip, cut_out, plain, scattered, unit
from vitagraph.avatar.person import HAIR

_LOCKS = 2000
_RINGS = 4
"""Rings along a lock: pairs of points, and one point at the tip."""
_TAPER = np.array([0.75, 1.0, 0.85, 0.0])
"""Relative width of a lock at each ring."""
_FADE = np.array([0.65, 0.65, 0.9, 0.9, 1.1, 1.1, 1.3])
"""Brightness of a lock at each ring: darkest at the root."""
_ROUND = 0.7
"""How much a lock is lit as if it were round instead of flat, 0 to 1."""
_NEIGHBOURS = 5


@dataclass(frozen=True)
class _Scalp:
    """The skin under the hair, as the surface for the locks."""

    mesh: Mesh
    normals: Floats

    def near(self, places: Floats) -> tuple[Floats, Floats]:
        """Distance of each place from the skin, and the normal of the skin there."""
        away = ((places[:, None] - self.mesh.points[None]) ** 2).sum(axis=2)
        nearest = np.argpartition(away, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
        weights = 1.0 / (np.take_along_axis(away, nearest, axis=1) + 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        normals = self.normals[nearest]
        distances = ((places[:, None] - self.mesh.points[nearest]) * normals).sum(axis=2)
        return (weights * distances).sum(axis=1), unit((weights[:, :, None] * normals).sum(axis=1))


def hair(base: Base) -> tuple[Mesh, Floats]:
    """The hair and its normals, with which a flat lock is lit as if it were round."""
    scalp = _scalp(base)
    cap, cap_normals = _cap(scalp)
    locks, lock_normals = _locks(scalp)
    joined = Mesh(
        points=np.concatenate([cap.points, locks.points]),
        uvs=np.concatenate([cap.uvs, locks.uvs]),
        triangles=np.concatenate([cap.triangles, locks.triangles + len(cap.points)]),
        weld=np.arange(len(cap.points) + len(locks.points)),
        colours=np.concatenate([cap.colours, locks.colours]),
    )
    return joined, np.concatenate([cap_normals, lock_normals])


def _scalp(base: Base) -> _Scalp:
    quads = base.quads["body"]
    above = hairline.height(base.points) > -0.02
    near = (np.abs(base.points[:, 0]) < 0.12) & (base.points[:, 1] > -0.12)
    mesh = cut_out(base, quads[(above & near)[quads[:, :, 0]].all(axis=1)])
    mesh = replace(mesh, morphs={}, uvs=np.zeros_like(mesh.uvs))
    return _Scalp(mesh, mesh.normals())


def _cap(scalp: _Scalp) -> tuple[Mesh, Floats]:
    mesh = scalp.mesh
    raised = mesh.points + scalp.normals * (0.55 * hairline.stand(mesh.points) - 0.0012)[:, None]
    cap = replace(mesh, points=raised, colours=mesh.colours * [*(HAIR * 0.9), 1.0])
    cut = clip(cap, hairline.height(mesh.points) - 0.002)
    return cut, cut.normals()


def _locks(scalp: _Scalp) -> tuple[Mesh, Floats]:
    rng = np.random.default_rng(3)
    roots = _roots(scalp, rng)
    count = len(roots)
    longer = rng.uniform(0.7, 1.25, count)
    step = hairline.length(roots) * longer / (_RINGS - 1)
    lift = rng.uniform(0.7, 1.12, count)
    stray = rng.normal(size=(count, 3)) * 0.2
    places = roots
    lines: list[Floats] = []
    normals: list[Floats] = []
    across: list[Floats] = []
    for ring in range(_RINGS):
        along = ring / (_RINGS - 1)
        away, normal = scalp.near(places)
        # The lock rises from the skin, and its tip sinks into other locks.
        wanted = hairline.stand(places) * lift * (0.35 + 0.65 * np.sin(np.pi * min(1.0, 0.12 + along * 0.78)))
        lines.append(places + normal * (wanted - away)[:, None])
        way = hairline.combed(places) + stray
        way = unit(way - normal * (way * normal).sum(axis=1, keepdims=True))
        across.append(np.cross(normal, way))
        normals.append(normal)
        places = lines[-1] + way * step[:, None]
    width = (0.0015 + 0.0021 * hairline.top(roots)) * rng.uniform(0.7, 1.3, count)
    return _ribbons(np.array(lines), np.array(normals), np.array(across), width, rng)


def _roots(scalp: _Scalp, rng: np.random.Generator) -> Floats:
    """Evenly distributed places on the skin where hair grows."""
    places = scattered([scalp.mesh], 2 * _LOCKS, rng)
    return np.asarray(places[hairline.height(places) > 0.0005][:_LOCKS])


def _ribbons(
    lines: Floats, normals: Floats, across: Floats, width: Floats, rng: np.random.Generator
) -> tuple[Mesh, Floats]:
    """Flat strips along lines, wide in the middle and tapering to a point."""
    taper = _TAPER[:, None, None] * width[None, :, None]
    points = _laced(lines - across * taper, lines + across * taper, lines)
    lit = _laced(unit(normals - _ROUND * across), unit(normals + _ROUND * across), normals)
    count, each = points.shape[:2]
    strip = [(i + a, i + b, i + c) for i in range(0, each - 3, 2) for a, b, c in ((0, 2, 1), (1, 2, 3))]
    strip.append((each - 3, each - 1, each - 2))
    triangles = (np.arange(count)[:, None, None] * each + np.array(strip)).reshape(-1, 3)
    shade = _FADE[None, :, None] * rng.uniform(0.8, 1.25, (count, 1, 1))
    warm = 1.0 + rng.normal(size=(count, 1, 1)) * np.array([0.04, 0.0, -0.04])
    return plain(points.reshape(-1, 3), triangles).tinted((HAIR * shade * warm).reshape(-1, 3)), lit.reshape(-1, 3)


def _laced(left: Floats, right: Floats, middle: Floats) -> Floats:
    """Point order of a lock: left and right of each ring but the last, then the tip."""
    rings, count = left.shape[:2]
    pairs = np.stack([left[:-1], right[:-1]], axis=1).reshape(2 * (rings - 1), count, 3)
    return np.concatenate([pairs, middle[-1:]]).transpose(1, 0, 2)
