"""The head: valid, small, reproducible, and with working morphs."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from nodes.face.arkit import NAMES
from nodes.models import path
from tests.vitagraph.avatar.reader import Glb
from vitagraph.avatar import DATA, build, eyes, person

pytestmark = pytest.mark.real_model


def test_head_file_is_small_enough_to_load_in_a_call(content: bytes) -> None:
    """2.5 MB, and 1.2 MB compressed by a web server."""
    assert len(content) <= 2_500_000
    assert len(gzip.compress(content, 6)) <= 1_200_000


def test_head_build_is_deterministic(content: bytes) -> None:
    """Caches and checksums depend on it."""
    assert build(path(DATA)) == content


def test_head_accessors_are_within_bounds(glb: Glb) -> None:
    """Otherwise a viewer rejects the file or draws spikes."""
    for number, about in enumerate(glb.document["accessors"]):
        values = glb.accessor(number)
        assert np.isfinite(values).all()
        if "min" in about:
            assert values.min(axis=0).tolist() == about["min"]
            assert values.max(axis=0).tolist() == about["max"]
    for mesh in glb.document["meshes"]:
        (part,) = mesh["primitives"]
        count = len(glb.accessor(part["attributes"]["POSITION"]))
        assert glb.accessor(part["indices"]).max() == count - 1, f"{mesh['name']} has points that nothing uses"
        assert all(len(glb.accessor(number)) == count for number in part["attributes"].values())
        lengths = np.linalg.norm(glb.accessor(part["attributes"]["NORMAL"]), axis=1)
        assert lengths == pytest.approx(1.0, abs=0.02)


def test_head_textures_are_png(glb: Glb) -> None:
    for picture in glb.document["images"]:
        assert picture["mimeType"] == "image/png"
        assert glb.view(picture["bufferView"]).startswith(b"\x89PNG")


def test_head_morphs_have_exactly_the_arkit_names(glb: Glb) -> None:
    """A missing name is a missing movement."""
    names = [name for mesh in glb.document["meshes"] for name in mesh.get("extras", {}).get("targetNames", ())]
    assert set(names) == set(NAMES)
    assert all(
        len(mesh["weights"]) == len(mesh["extras"]["targetNames"])
        for mesh in glb.document["meshes"]
        if "weights" in mesh
    )


def test_head_morphs_each_move_something_visible(glb: Glb) -> None:
    """By at least half a millimetre."""
    for name in NAMES:
        most = max(
            float(np.abs(glb.points(mesh["name"], name)).max())
            for mesh in glb.document["meshes"]
            if name in mesh.get("extras", {}).get("targetNames", ())
        )
        assert most > 0.0005, name


def test_head_file_names_authors_and_licence(glb: Glb) -> None:
    """A distributed head must carry its licence."""
    assert "CC0" in glb.document["asset"]["copyright"]
    assert "MakeHuman" in json.dumps(glb.document["asset"])


def test_head_eyes_are_at_the_origin_and_the_face_looks_ahead(glb: Glb) -> None:
    """Clients point their camera there."""
    points = glb.points("eyes")
    assert np.abs((points.min(axis=0) + points.max(axis=0))[:2]) == pytest.approx([0, 0], abs=0.001)
    skin = glb.points("skin")
    assert skin[np.argmax(skin[:, 2])] == pytest.approx([0, -0.04, 0.045], abs=0.015), "the nose is foremost"
    assert 0.2 < np.ptp(glb.points("hair")[:, 1]) < 0.3


def _on_the_chin(glb: Glb) -> NDArray[np.bool_]:
    skin = glb.points("skin")
    return np.asarray(
        (np.abs(skin[:, 0]) < 0.01) & (skin[:, 1] < -0.085) & (skin[:, 1] > -0.105) & (skin[:, 2] > 0.015)
    )


def test_head_jaw_open_lowers_only_the_chin_and_lower_teeth(glb: Glb) -> None:
    chin = _on_the_chin(glb)
    assert chin.any()
    assert (glb.points("skin", "jawOpen")[chin, 1] < -0.008).all()
    moves = glb.points("teeth", "jawOpen")[:, 1]
    assert moves.min() < -0.008 and moves.max() < 1e-4
    assert 0.4 < (moves < -0.005).mean() < 0.6


@pytest.mark.parametrize(("side", "sign"), [("Left", 1), ("Right", -1)])
def test_head_eye_blink_closes_the_lids_of_its_eye(glb: Glb, side: str, sign: int) -> None:
    """Neither crossed lids nor a slit."""
    skin, moves = glb.points("skin"), glb.points("skin", f"eyeBlink{side}")
    # What lies further back is the socket behind the eye, which nobody sees.
    others = (skin[:, 0] * sign < -0.005) & (skin[:, 2] > 0.01)
    assert np.abs(moves[others]).max() < 1e-4, "the other eye stays open"
    middle = np.abs(skin[:, 0] - sign * 0.0315) < 0.004
    upper = middle & (skin[:, 2] > 0.0165) & (np.abs(skin[:, 1] - 0.0022) < 0.0005)
    lower = middle & (skin[:, 2] > 0.0145) & (np.abs(skin[:, 1] + 0.0056) < 0.0005)
    closed = (skin + moves)[:, 1]
    assert closed[upper].mean() == pytest.approx(closed[lower].mean(), abs=0.001)


@pytest.mark.parametrize(("side", "sign"), [("Left", 1), ("Right", -1)])
def test_head_smile_widens_and_raises_its_corner_of_the_mouth(glb: Glb, side: str, sign: int) -> None:
    skin, moves = glb.points("skin"), glb.points("skin", f"mouthSmile{side}")
    corner = np.argmax(np.linalg.norm(moves, axis=1))
    assert skin[corner, 0] * sign > 0.015
    assert moves[corner, 0] * sign > 0.003 and moves[corner, 1] > 0.003


def test_head_gaze_turns_both_eyes_and_keeps_them_round(glb: Glb) -> None:
    """Looking left is out for the left eye and in for the right one."""
    points = glb.points("eyes")
    for name, sign in (("eyeLookOutLeft", 1), ("eyeLookInRight", -1)):
        half = points[:, 0] * sign > 0
        turned = points[half] + glb.points("eyes", name)[half]
        assert turned[0, 0] - points[half][0, 0] > 0.003, "the pupil is the first point"
        assert not glb.points("eyes", name)[~half].any()
        assert np.ptp(turned, axis=0)[1] == pytest.approx(np.ptp(points[half], axis=0)[1], rel=0.02)


def test_head_resting_lips_hide_the_teeth(glb: Glb) -> None:
    """A line of white between the lips looks like a snarl."""
    skin, teeth = glb.points("skin"), glb.points("teeth")
    lips = skin[(np.abs(skin[:, 0]) < 0.01) & (skin[:, 1] < -0.06) & (skin[:, 1] > -0.085)]
    assert teeth[:, 2].max() < lips[:, 2].max() - 0.008


def test_head_eye_texture_is_dark_in_the_middle_and_light_outside() -> None:
    picture = eyes.picture()
    assert picture[128, 128].max() < 30
    assert picture[128, 40].min() > 150


def test_head_colours_round_trip_through_linear() -> None:
    values = np.linspace(0, 1, 50)
    assert person.encoded(person.linear(values)) == pytest.approx(values)
