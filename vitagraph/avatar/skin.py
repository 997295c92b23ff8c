"""The skin: the part of the body above the shirt, and its texture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitagraph.avatar import data, hairline
from vitagraph.avatar.data import Base, Floats, Integers
from vitagraph.avatar.mesh import Mesh, compact, cut_out, smoothstep
from vitagraph.avatar.paint import Canvas, canvas, noise
from vitagraph.avatar.person import BROW, HAIR, SKIN, encoded, srgb
from vitagraph.avatar.png import Bytes

_WIDTH, _HEIGHT = 768, 1448
_MASKS = 1024
_LOW, _SPAN = np.array([0.64, 0.177]), np.array([0.36, 0.68])
"""The part of the texture space that the texture covers: the head."""


def skin(base: Base, keep: Floats) -> Mesh:
    """The body where `keep` (one value per point of the base) is positive, with texture coordinates."""
    quads = base.quads["body"]
    mesh = cut_out(base, quads[(keep[quads[:, :, 0]] > 0).any(axis=1) & ~_in_the_mouth(base)])
    # Points outside the texture map to its corner, which is plain skin.
    off = mesh.uvs[:, 0] < 0.63
    corner = np.array([2.0 / _WIDTH, 2.0 / _HEIGHT])
    return replace(mesh, uvs=np.where(off[:, None], corner, np.clip((mesh.uvs - _LOW) / _SPAN, 0.002, 0.998)))


def flesh(base: Base) -> Mesh:
    """The inside of the mouth."""
    mesh = cut_out(base, base.quads["body"][_in_the_mouth(base)])
    return replace(mesh, uvs=np.zeros_like(mesh.uvs))


def _in_the_mouth(base: Base) -> NDArray[np.bool_]:
    """Mask of the faces inside the mouth, which have their own region in texture space."""
    middle = base.uvs[base.quads["body"][:, :, 1]].mean(axis=1)
    return np.asarray((middle[:, 0] > 0.74) & (middle[:, 1] > 0.855))


def picture(mesh: Mesh, folder: Path) -> Bytes:
    """The texture for a mesh of `skin`."""
    drawn = compact(mesh, mesh.triangles[(mesh.uvs[mesh.triangles] > 0.0026).any(axis=(1, 2))])
    sheet = canvas(drawn.points, drawn.uvs * (_WIDTH, _HEIGHT) - 0.5, drawn.triangles, (_HEIGHT, _WIDTH), SKIN)
    _complexion(sheet)
    _masked(sheet, folder)
    _stubble(sheet)
    _scalp(sheet)
    _brows(sheet)
    sheet.spread(12)
    # The corner is plain skin, for points outside the texture.
    sheet.colour[:4, :4] = SKIN
    return np.asarray(np.rint(encoded(np.clip(sheet.colour, 0, 1)) * 255), dtype=np.uint8)


def _complexion(sheet: Canvas) -> None:
    red, pale = srgb("c9806a"), srgb("eac4a8")
    sheet.mix(red, 0.3 * sheet.near((0.042, -0.035, 0.015), (0.024, 0.02, 0.05)))
    sheet.mix(red, 0.26 * sheet.near((0.0, -0.041, 0.042), (0.018, 0.012, 0.02)))
    sheet.mix(red, 0.16 * sheet.near((0.0, -0.1, 0.02), (0.03, 0.014, 0.05)))
    sheet.mix(pale, 0.25 * sheet.near((0.0, 0.05, 0.02), (0.045, 0.025, 0.06)))
    sheet.mix(srgb("b07a6c"), 0.35 * sheet.near((0.03, -0.013, 0.013), (0.018, 0.006, 0.05)))
    mottled = noise(sheet.places, 0.006, 1) * 0.5 + noise(sheet.places, 0.0022, 2) * 0.5
    sheet.colour *= 1.0 + 0.022 * mottled[:, :, None] * (1.0, 1.3, 1.4)


def _masked(sheet: Canvas, folder: Path) -> None:
    """Paints the regions of the masks of the base mesh."""
    for name, colour, strength in (("lips", "b56f62", 0.7), ("eyelids", "a8705f", 0.5), ("ears", "cc7f6b", 0.3)):
        sheet.mix(srgb(colour), strength * _stretched(data.mask(folder, name, _MASKS)))


def _stretched(mask: Floats) -> Floats:
    """The mask, interpolated at each pixel of the texture."""
    columns, across = _between(_LOW[0] + (np.arange(_WIDTH) + 0.5) / _WIDTH * _SPAN[0], len(mask))
    rows, down = _between(_LOW[1] + (np.arange(_HEIGHT) + 0.5) / _HEIGHT * _SPAN[1], len(mask))
    lines = mask[rows] * (1 - down)[:, None] + mask[rows + 1] * down[:, None]
    return np.asarray(lines[:, columns] * (1 - across) + lines[:, columns + 1] * across)


def _between(where: Floats, count: int) -> tuple[Integers, Floats]:
    """For each place from 0 to 1 the pixel before it, and the fraction to the next."""
    exact = where * count - 0.5
    first = np.clip(np.floor(exact).astype(np.int64), 0, count - 2)
    return first, np.clip(exact - first, 0.0, 1.0)


def _stubble(sheet: Canvas) -> None:
    x, y, z = np.moveaxis(sheet.places, 2, 0)
    jaw = smoothstep(-0.062, -0.085, y + 0.25 * np.abs(x)) * smoothstep(-0.02, 0.02, z)
    lip = sheet.near((0.016, -0.055, 0.03), (0.016, 0.005, 0.02)) * 0.8
    beard = np.clip(jaw + lip, 0.0, 1.0) * (1 + 0.25 * noise(sheet.places, 0.0011, 5))
    sheet.mix(srgb("8a6a5c"), 0.17 * np.clip(beard, 0.0, 1.0))


def _scalp(sheet: Canvas) -> None:
    over = hairline.height(sheet.places) + 0.0022 * noise(sheet.places, 0.0018, 3)
    sheet.mix(HAIR * 0.8, 0.85 * smoothstep(-0.003, 0.006, over))


def _brows(sheet: Canvas) -> None:
    rng = np.random.default_rng(11)
    front = sheet.covered & (sheet.places[:, :, 2] > 0.0) & (np.abs(sheet.places[:, :, 1] - 0.02) < 0.03)
    rows, columns = np.nonzero(front)
    flat = sheet.places[rows, columns][:, :2]
    for side in (-1.0, 1.0):
        for share in np.sort(rng.uniform(0, 1, 330)):
            offset = float(np.clip(rng.normal() * 0.4, -1, 1))
            start, end = _brow_hair(float(share), offset, rng)
            pixels = []
            for x, y in (start, end):
                nearest = int(np.argmin((flat[:, 0] - side * x) ** 2 + (flat[:, 1] - y) ** 2))
                pixels.append(np.array([columns[nearest], rows[nearest]], dtype=np.float64))
            sheet.stroke(pixels[0], pixels[1], rng.uniform(1.0, 1.7), BROW, rng.uniform(0.35, 0.75))


def _brow_hair(
    share: float, offset: float, rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A hair of the right brow from root to tip; `share` runs from the nose outwards."""
    x = 0.0118 + 0.0385 * share
    rise = 0.0058 * np.sin(min(1.0, share * 1.45) * np.pi / 2) - 0.0075 * max(0.0, share - 0.62) * 1.3
    thickness = 0.0042 * (1.0 - 0.62 * share) * min(1.0, 0.55 + 3 * share)
    y = 0.0132 + rise + thickness * offset
    # Hairs stand up near the nose, lie flat towards the temple and lean to the middle of the brow.
    lean = np.radians(70 - 78 * min(1.0, share * 1.5) - 22 * offset + rng.normal() * 7)
    length = 0.0062 * (1.0 - 0.3 * share)
    return (x, y), (x + length * float(np.cos(lean)), y + length * float(np.sin(lean)))
