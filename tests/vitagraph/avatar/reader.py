"""An independent GLB reader."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True)
class Glb:
    """A parsed file: JSON and binary chunk."""

    document: dict[str, Any]
    binary: bytes

    def accessor(self, number: int) -> NDArray[Any]:
        """Values of an accessor, sparse ones filled in; fails if a view exceeds the chunk."""
        about = self.document["accessors"][number]
        width, kind, count = _WIDTHS[about["type"]], _TYPES[about["componentType"]], about["count"]
        values = np.zeros((count, width), kind)
        if "bufferView" in about:
            values[:] = self._view(about["bufferView"], kind, count * width).reshape(count, width)
        if "sparse" in about:
            sparse = about["sparse"]
            where = self._view(
                sparse["indices"]["bufferView"], _TYPES[sparse["indices"]["componentType"]], sparse["count"]
            )
            assert (np.diff(where.astype(int)) > 0).all() and where[-1] < count
            values[where] = self._view(sparse["values"]["bufferView"], kind, sparse["count"] * width).reshape(-1, width)
        return values

    def view(self, number: int) -> bytes:
        """The bytes of a buffer view."""
        about = self.document["bufferViews"][number]
        start, length = about["byteOffset"], about["byteLength"]
        assert start % 4 == 0 and start + length <= len(self.binary)
        return self.binary[start : start + length]

    def mesh(self, name: str) -> dict[str, Any]:
        """A mesh by name."""
        found: list[dict[str, Any]] = [mesh for mesh in self.document["meshes"] if mesh["name"] == name]
        return found[0]

    def points(self, name: str, morph: str | None = None, attribute: str = "POSITION") -> NDArray[Any]:
        """Points of a mesh, or their displacement by a morph."""
        mesh = self.mesh(name)
        part = mesh["primitives"][0]
        if morph is None:
            return self.accessor(part["attributes"][attribute])
        return self.accessor(part["targets"][mesh["extras"]["targetNames"].index(morph)][attribute])

    def _view(self, number: int, kind: type, count: int) -> NDArray[Any]:
        content = self.view(number)
        assert len(content) == count * np.dtype(kind).itemsize
        return np.frombuffer(content, kind)


def parse(content: bytes) -> Glb:
    """Parses the chunks and checks the header."""
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and size % 4 == 0
    document = json.loads(content[20 : 20 + size])
    rest, kind = struct.unpack_from("<I4s", content, 20 + size)
    assert kind == b"BIN\0" and 28 + size + rest == len(content)
    assert document["buffers"] == [{"byteLength": rest}]
    return Glb(document, content[28 + size :])
