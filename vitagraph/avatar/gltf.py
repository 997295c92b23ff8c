"""Writes a scene as binary glTF 2.0 (GLB): meshes with morph targets, materials, textures."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitagraph.avatar.data import Floats, Integers
from vitagraph.avatar.mesh import Mesh

_FLOAT, _USHORT, _UBYTE = 5126, 5123, 5121
_VERTICES, _INDICES = 34962, 34963
_GRID = 2.0**16
"""Positions are rounded to 1/65536 m: finer than visible, and the trailing zeros compress."""
_NORMAL_GRID = 2.0**8
_UV_GRID = 2.0**14
_STILL = 3e-5
"""Displacement in metres (for normals about radians) below which a morph ignores a point."""
_STILL_NORMAL = 0.04
_LIMIT = 65_535
"""Maximum points of a mesh with 16-bit indices."""


@dataclass
class Scene:
    """Collects the content of a file; `glb` returns its bytes."""

    generator: str
    copyright: str
    _chunks: list[bytes] = field(default_factory=list)
    _length: int = 0
    _lists: dict[str, list[Any]] = field(default_factory=dict)

    def add_picture(self, png: bytes) -> int:
        """Embeds an image; returns the index of its texture."""
        picture = self._append("images", {"bufferView": self._view(png), "mimeType": "image/png"})
        return self._append("textures", {"source": picture, "sampler": 0})

    def add_material(self, material: dict[str, Any]) -> int:
        """Adds a glTF material; returns its index."""
        return self._append("materials", material)

    def add_mesh(self, name: str, mesh: Mesh, material: int, *, normals: Floats | None = None) -> None:
        """Adds a mesh as a scene node; `normals` replaces the normals of its surface."""
        if len(mesh.points) > _LIMIT:
            raise ValueError(f"{name} has {len(mesh.points)} points; indices of 16 bits reach {_LIMIT}")
        still = mesh.normals()
        attributes = {
            "POSITION": self._vectors(_snap(mesh.points, _GRID), extent=True),
            "NORMAL": self._vectors(_snap(still if normals is None else normals, _NORMAL_GRID)),
            "COLOR_0": self._colours(mesh.colours),
        }
        if mesh.uvs.any():
            uvs = _snap(mesh.uvs, _UV_GRID).astype(np.float32)
            attributes["TEXCOORD_0"] = self._dense(uvs, "VEC2", _FLOAT, _VERTICES)
        primitive: dict[str, Any] = {"attributes": attributes, "material": material}
        primitive["indices"] = self._dense(mesh.triangles.reshape(-1).astype(np.uint16), "SCALAR", _USHORT, _INDICES)
        entry: dict[str, Any] = {"name": name, "primitives": [primitive]}
        if mesh.morphs:
            primitive["targets"] = [self._target(mesh, moved, still) for moved in mesh.morphs.values()]
            entry |= {"weights": [0.0] * len(mesh.morphs), "extras": {"targetNames": list(mesh.morphs)}}
        self._append("nodes", {"name": name, "mesh": self._append("meshes", entry)})

    def glb(self) -> bytes:
        """The bytes of the file."""
        used = sorted({name for each in self._lists["materials"] for name in each.get("extensions", ())})
        document = {
            "asset": {"version": "2.0", "generator": self.generator, "copyright": self.copyright},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self._lists["nodes"])))}],
            "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
            "buffers": [{"byteLength": self._length}],
            **({"extensionsUsed": used} if used else {}),
            **self._lists,
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        binary = b"".join(self._chunks)
        head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
        return (
            head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
        )

    def _append(self, where: str, what: Any) -> int:
        entries = self._lists.setdefault(where, [])
        entries.append(what)
        return len(entries) - 1

    def _view(self, content: bytes, target: int | None = None) -> int:
        view = {"buffer": 0, "byteOffset": self._length, "byteLength": len(content)}
        if target is not None:
            view["target"] = target
        padded = content + b"\0" * (-len(content) % 4)
        self._chunks.append(padded)
        self._length += len(padded)
        return self._append("bufferViews", view)

    def _dense(self, values: NDArray[Any], shape: str, kind: int, target: int, **more: Any) -> int:
        view = self._view(values.tobytes(), target)
        return self._append(
            "accessors", {"bufferView": view, "componentType": kind, "count": len(values), "type": shape, **more}
        )

    def _vectors(self, values: Floats, *, extent: bool = False) -> int:
        single = values.astype(np.float32)
        return self._dense(single, "VEC3", _FLOAT, _VERTICES, **(_extent(single) if extent else {}))

    def _colours(self, colours: Floats) -> int:
        eight = np.rint(np.clip(colours, 0.0, 1.0) * 255).astype(np.uint8)
        return self._dense(eight, "VEC4", _UBYTE, _VERTICES, normalized=True)

    def _target(self, mesh: Mesh, moved: Floats, still: Floats) -> dict[str, int]:
        turned = mesh.normals(moved) - still
        return {
            "POSITION": self._changes(_snap(moved, _GRID), _STILL),
            "NORMAL": self._changes(_snap(turned, _NORMAL_GRID), _STILL_NORMAL),
        }

    def _changes(self, values: Floats, still: float) -> int:
        """A sparse accessor with only the changed points, if that is smaller."""
        single = values.astype(np.float32)
        changed: Integers = np.flatnonzero(np.abs(values).max(axis=1) > still)
        if len(changed) * 14 >= len(values) * 12:
            return self._dense(single, "VEC3", _FLOAT, _VERTICES, **_extent(single))
        # A sparse accessor needs at least one entry.
        changed = changed if len(changed) else np.zeros(1, np.int64)
        full = np.zeros_like(single)
        full[changed] = single[changed]
        sparse = {
            "count": len(changed),
            "indices": {"bufferView": self._view(changed.astype(np.uint16).tobytes()), "componentType": _USHORT},
            "values": {"bufferView": self._view(full[changed].tobytes())},
        }
        entry = {"componentType": _FLOAT, "count": len(values), "type": "VEC3", "sparse": sparse, **_extent(full)}
        return self._append("accessors", entry)


def _snap(values: Floats, grid: float) -> Floats:
    # Adding zero turns -0.0 into 0.0, which keeps the output reproducible.
    return np.asarray(np.rint(values * grid) / grid + 0.0)


def _extent(values: NDArray[np.float32]) -> dict[Literal["min", "max"] | str, list[float]]:
    return {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
