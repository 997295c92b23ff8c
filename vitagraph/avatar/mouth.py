"""Teeth, tongue and lashes: slightly adjusted helper meshes of the base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitagraph.avatar.data import Base, Floats
from vitagraph.avatar.mesh import Mesh, cut_out, join, smoothstep
from vitagraph.avatar.person import srgb

_TEETH = {"upper": np.array([0.0, -0.0018, -0.0022]), "lower": np.array([0.0, -0.0006, -0.0022])}
"""Displacement of each row in metres: back, so that it is hidden behind resting lips; the upper one
also down, so that it shows between speaking lips."""
_TONGUE = np.array([0.0, -0.003, -0.004])


def teeth(base: Base) -> Mesh:
    """Both rows, darker towards the molars, which the cheeks shade."""
    rows = join([_shifted(base, f"helper-{row}-teeth", shift) for row, shift in _TEETH.items()])
    depth = rows.points[:, 2].max() - rows.points[:, 2]
    return rows.tinted(1.0 - 0.9 * smoothstep(0.004, 0.022, depth)[:, None])


def tongue(base: Base) -> Mesh:
    """The tongue."""
    return _shifted(base, "helper-tongue", _TONGUE)


def _shifted(base: Base, group: str, shift: Floats) -> Mesh:
    mesh = cut_out(base, base.quads[group])
    return replace(mesh, points=mesh.points + shift, uvs=np.zeros_like(mesh.uvs))


def lashes(base: Base) -> Mesh:
    """Strips that fade from the lid to their edge, fainter below the eye."""
    strips = [
        (row, strength)
        for side in "lr"
        for row, strength in ((f"{side}-eyelashes-2", 0.7), (f"{side}-eyelashes-1", 0.25))
    ]
    return join([_lash(base, f"helper-{name}", strength) for name, strength in strips])


def _lash(base: Base, group: str, strength: float) -> Mesh:
    mesh = cut_out(base, base.quads[group])
    skin = base.points[base.ids("body")]
    skin = skin[(np.abs(skin - mesh.points.mean(axis=0)) < 0.03).all(axis=1)]
    away = np.linalg.norm(mesh.points[:, None] - skin[None], axis=2).min(axis=1)
    fade = strength * (1.0 - smoothstep(0.05, 0.6, away / away.max()))
    colours = np.concatenate([np.broadcast_to(srgb("1a1210"), (len(fade), 3)), fade[:, None]], axis=1)
    return replace(mesh, colours=colours, uvs=np.zeros_like(mesh.uvs))
