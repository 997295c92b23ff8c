"""The order of the blendshapes, on which wire format and clients depend."""

from __future__ import annotations

from nodes.face.arkit import INDEX, NAMES


def test_arkit_has_all_52_blendshapes_in_apples_order() -> None:
    """One misplaced name would draw a smile as a sneer."""
    assert len(NAMES) == len(set(NAMES)) == 52
    assert (NAMES[0], NAMES[7], NAMES[17], NAMES[41], NAMES[51]) == (
        "eyeBlinkLeft",
        "eyeBlinkRight",
        "jawOpen",
        "browDownLeft",
        "tongueOut",
    )
    assert all(NAMES[column] == name for name, column in INDEX.items())


def test_arkit_left_and_right_blendshapes_come_in_pairs() -> None:
    """Otherwise a blink would become a wink."""
    sided = {name for name in NAMES if name.endswith(("Left", "Right")) and name not in ("jawLeft", "jawRight")}
    assert {name.replace("Left", "Right") for name in sided if name.endswith("Left")} == {
        name for name in sided if name.endswith("Right")
    }
