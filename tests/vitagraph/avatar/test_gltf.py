"""Written files can be read back."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vitagraph.avatar.reader import parse
from vitagraph.avatar.gltf import Scene
from vitagraph.avatar.mesh import Mesh, plain


def _strip(count: int) -> Mesh:
    x = np.repeat(np.arange(count / 2), 2) * 0.01
    points = np.stack([x, np.tile([0.0, 0.01], count // 2), np.zeros(count)], axis=1)
    return plain(points, np.arange(count - 2)[:, None] + np.arange(3))


def _written(mesh: Mesh) -> bytes:
    scene = Scene("a test", "nobody")
    scene.add_mesh("strip", mesh, scene.add_material({"extensions": {"KHR_materials_sheen": {}}}))
    return scene.glb()


def test_gltf_mesh_round_trips() -> None:
    """Points to a sixteenth of a millimetre, indices exactly."""
    mesh = _strip(40)
    read = parse(_written(mesh))
    assert read.points("strip") == pytest.approx(mesh.points, abs=1 / 65536)
    part = read.mesh("strip")["primitives"][0]
    assert read.accessor(part["indices"]).ravel().tolist() == mesh.triangles.ravel().tolist()
    assert read.document["extensionsUsed"] == ["KHR_materials_sheen"]
    assert "TEXCOORD_0" not in part["attributes"], "what has no picture needs no coordinates"


@pytest.mark.parametrize(("moving", "sparse"), [(3, True), (40, False)])
def test_gltf_morph_round_trips_in_the_smaller_form(moving: int, sparse: bool) -> None:
    """Dense morphs of a blink would triple the file size."""
    mesh = _strip(40)
    mesh.morphs["eyeBlinkLeft"] = np.where(np.arange(40)[:, None] < moving, (0.0, -0.25, 0.0), 0.0)
    read = parse(_written(mesh))
    assert read.points("strip", "eyeBlinkLeft") == pytest.approx(mesh.morphs["eyeBlinkLeft"])
    target = read.mesh("strip")["primitives"][0]["targets"][0]
    about = read.document["accessors"][target["POSITION"]]
    assert ("sparse" in about) == sparse
    assert about["min"] == [0.0, -0.25, 0.0]


def test_gltf_refuses_a_mesh_with_too_many_points() -> None:
    """Its indices would overflow silently."""
    with pytest.raises(ValueError, match="65535"):
        _written(_strip(65_538))
