"""Reads the CC0 data: the mesh of a person, its shape targets, and masks of its skin.

The files are in decimetres; here everything is in metres, Y up, facing +Z.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodes.face.arkit import NAMES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_METRES = 0.1
_MASK_SIZE = 2048


@dataclass(frozen=True)
class Base:
    """The base mesh: points in the neutral shape, and faces by group."""

    points: Floats
    uvs: Floats
    """Texture coordinates in glTF convention: the first row is at the top."""
    quads: dict[str, Integers]
    """By group, shape (faces, 4, 2): indices of point and texture coordinate of each corner."""
    units: dict[str, Floats]
    """By ARKit name, shape (points, 3): the displacement of each point."""

    def ids(self, *groups: str) -> Integers:
        """The points of some groups, in ascending order."""
        return np.unique(np.concatenate([self.quads[group][:, :, 0].ravel() for group in groups]))


def read(folder: Path, shape: dict[str, float]) -> Base:
    """Reads the mesh and applies a shape: weights of the targets in `mpfb2/targets`."""
    points, uvs, quads = _obj(folder / "mpfb2/3dobjs/base.obj")
    for name, weight in shape.items():
        points = points + weight * _target(folder / f"mpfb2/targets/{name}.target.gz", len(points))
    units = {name: _target(folder / f"faceunits01/targets/faceunits/{name}.target", len(points)) for name in NAMES}
    return Base(points, uvs, quads, units)


def mask(folder: Path, name: str, width: int) -> Floats:
    """A mask in texture space, values 0 to 1, shape (width, width)."""
    import av

    with av.open(str(folder / f"mpfb2/textures/mpfb_{name}.jpg")) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="gray")
    block = _MASK_SIZE // width
    return np.asarray(picture.reshape(width, block, width, block).mean(axis=(1, 3)) / 255.0)


def _obj(file: Path) -> tuple[Floats, Floats, dict[str, Integers]]:
    points: list[list[float]] = []
    uvs: list[list[float]] = []
    quads: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["v", *numbers]:
                points.append([float(number) for number in numbers])
            case ["vt", *numbers]:
                uvs.append([float(number) for number in numbers])
            case ["g", name]:
                group = name
            case ["f", *corners]:
                quads.setdefault(group, []).append([[int(part) - 1 for part in each.split("/")] for each in corners])
    flipped = np.array(uvs) * (1.0, -1.0) + (0.0, 1.0)
    return np.array(points) * _METRES, flipped, {name: np.array(faces) for name, faces in quads.items()}


def _target(file: Path, count: int) -> Floats:
    """Reads a shape target: lines of `point x y z` for the points that move."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = [line.split() for line in content.decode().splitlines() if line.strip() and not line.startswith("#")]
    moved = np.zeros((count, 3))
    moved[[int(row[0]) for row in rows]] = np.array([row[1:4] for row in rows], dtype=np.float64).reshape(-1, 3)
    return moved * _METRES
