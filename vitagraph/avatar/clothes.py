"""A plain shirt with a round collar, cut from the tight suit of the base mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitagraph.avatar.data import Base, Floats
from vitagraph.avatar.mesh import Mesh, clip, cut_out, join, plain, smoothstep, unit

BOTTOM, SIDE = -0.42, 0.235
"""Limits of the bust: metres below the eyes, and to each side."""
_LOOSE = 0.004
"""Metres between the skin and the cloth."""
_ROUND, _AROUND = 10, 72
"""Points around the collar, and along it."""
_THICKNESS = 0.0042
_CUT = 0.0015
"""Metres from the edge of the collar within which a point was created by clipping."""


def neckline(points: Floats) -> Floats:
    """Metres below the edge of the collar, a tilted ring around the neck; positive on the shirt."""
    front = smoothstep(-0.12, 0.03, points[:, 2])
    edge = -0.142 - 0.052 * front
    return np.asarray(np.minimum(edge - points[:, 1], 1.0))


def shirt(base: Base) -> Mesh:
    """The shirt and its collar."""
    quads = base.quads["helper-tights"]
    points = base.points[quads[:, :, 0]]
    near = (points[:, :, 1].max(axis=1) > BOTTOM - 0.03) & (np.abs(points[:, :, 0]).min(axis=1) < SIDE + 0.05)
    mesh = replace(cut_out(base, quads[near]), morphs={})
    mesh = replace(mesh, points=mesh.points + mesh.normals() * _LOOSE, uvs=np.zeros_like(mesh.uvs))
    mesh = clip(mesh, neckline(mesh.points))
    mesh = clip(mesh, np.minimum(mesh.points[:, 1] - BOTTOM, SIDE - np.abs(mesh.points[:, 0])))
    return join([mesh, _collar(mesh)])


def _collar(mesh: Mesh) -> Mesh:
    """A rounded band along the neckline."""
    line = _edge(mesh)
    ahead = unit(np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0))
    outwards = unit((line - line.mean(axis=0)) * (1.0, 0.0, 1.0))
    up = unit(np.cross(ahead, outwards))
    up *= np.sign(up[:, 1:2])
    turn = np.arange(_ROUND) / _ROUND * 2 * np.pi
    ring = outwards[:, None] * np.cos(turn)[:, None] * 0.55 + up[:, None] * np.sin(turn)[:, None] * 1.5
    points = line[:, None] + ring * _THICKNESS
    count = len(line)
    i, j = np.meshgrid(np.arange(count), np.arange(_ROUND), indexing="ij")
    k, m = (i + 1) % count, (j + 1) % _ROUND
    a, b, c, d = (first * _ROUND + second for first, second in ((i, j), (k, j), (k, m), (i, m)))
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    tube = plain(points.reshape(-1, 3), triangles)
    outside = (tube.normals() * (points - line[:, None]).reshape(-1, 3)).sum() > 0
    return tube if outside else replace(tube, triangles=triangles[:, ::-1])


def _edge(mesh: Mesh) -> Floats:
    """Evenly spaced points of the neckline, ordered by their angle around its centre."""
    on = mesh.points[np.abs(neckline(mesh.points)) < _CUT]
    on = np.unique(np.round(on, 7), axis=0)
    middle = on.mean(axis=0)
    turn = np.arctan2(on[:, 0] - middle[0], on[:, 2] - middle[2])
    order = np.argsort(turn)
    even = np.linspace(-np.pi, np.pi, _AROUND, endpoint=False)
    line = np.stack([np.interp(even, turn[order], on[order, axis], period=2 * np.pi) for axis in range(3)], axis=1)
    for _ in range(3):
        line = (np.roll(line, 1, axis=0) + 2 * line + np.roll(line, -1, axis=0)) / 4
    return line
