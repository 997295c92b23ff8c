"""Motion of the face besides speech, without which it looks like a mask."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.face._life import Gestures, Life
from nodes.face.arkit import INDEX
from tests.nodes.face.talking import column, phonemes, rows, speech

CALM = Gestures((), False, False, 60.0)
MINUTE = np.arange(3600) / 60


def blinks(seed: int) -> list[float]:
    lids = Life(seed, 1.0).frames(MINUTE, 100.0, CALM)[0][:, INDEX["eyeBlinkLeft"]]
    return [at / 60 for at in np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).tolist()]


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_idle_face_blinks_at_human_intervals(seed: int) -> None:
    """Every one to seven seconds, with both eyes, completely."""
    times = blinks(seed)
    assert 12 <= len(times) <= 20
    assert all(0.7 < gap < 7 for gap in np.diff(times))
    weights = Life(seed, 1.0).frames(MINUTE, 100.0, CALM)[0]
    assert weights[:, INDEX["eyeBlinkLeft"]].max() > 0.95
    assert np.array_equal(weights[:, INDEX["eyeBlinkLeft"]], weights[:, INDEX["eyeBlinkRight"]])


def test_idle_face_differs_by_seed() -> None:
    """Two faces side by side must not blink in step."""
    assert blinks(0) == blinks(0)
    assert not set(np.round(blinks(0), 1).tolist()) >= set(np.round(blinks(1), 1).tolist())


def test_idle_face_depends_on_time_only() -> None:
    """A frame does not depend on its batch or speech."""
    early, late = Life(0, 1.0).frames(MINUTE[:600], 0.0, CALM), Life(0, 1.0).frames(MINUTE[:300], 5.0, CALM)
    assert np.allclose(early[0][300:600], late[0], atol=1e-5)
    assert np.allclose(early[1][300:600], late[1], atol=1e-5)


def test_idle_face_head_moves_little_and_gaze_stays_on_viewer() -> None:
    """A face that often looks away seems dishonest."""
    _, pose = Life(0, 1.0).frames(MINUTE, 0.0, CALM)
    assert np.abs(pose[:, :3]).max() < 0.1
    assert np.abs(np.diff(pose[:, :3], axis=0)).max() < 0.01
    looks_at = np.abs(pose[:, 1] + pose[:, 4])
    assert np.mean(looks_at < 0.05) > 0.5
    assert np.array_equal(pose[:, 3:5], pose[:, 5:7])


def test_idle_face_eyelids_agree_with_gaze() -> None:
    weights, pose = Life(0, 1.0).frames(MINUTE, 0.0, CALM)
    left = pose[:, 4] > 0.02
    assert weights[left, INDEX["eyeLookOutLeft"]].min() > 0
    assert weights[left, INDEX["eyeLookInRight"]].min() > 0
    assert not weights[left, INDEX["eyeLookOutRight"]].any()


def test_idle_face_with_expression_zero_only_blinks() -> None:
    weights, pose = Life(0, 0.0).frames(MINUTE, 0.0, CALM)
    assert not pose.any()
    assert {int(column) for column in np.flatnonzero(weights.any(axis=0))} == {
        INDEX["eyeBlinkLeft"],
        INDEX["eyeBlinkRight"],
    }


def test_idle_face_nods_on_stressed_syllables() -> None:
    """At most two per second, and none cut off by the end of the speech."""
    gestures = Gestures.of("So.", (0.1, 0.5, 0.7, 1.2, 1.9), 2.0)
    assert gestures.nods == (0.5, 1.2)
    with_nods = Life(0, 1.0).frames(MINUTE[:120], 0.0, gestures)[1][:, 0]
    without = Life(0, 1.0).frames(MINUTE[:120], 0.0, Gestures.of("So.", (), 2.0))[1][:, 0]
    assert int(np.argmax(with_nods - without)) in (30, 72)
    assert abs((with_nods - without)[-1]) < 1e-3


@pytest.mark.parametrize(
    ("text", "raised"), [("Are you there?", True), ('"Is it?"', True), ("I am.", False), ("", False)]
)
def test_idle_face_raises_brows_for_a_question(text: str, raised: bool) -> None:
    said = phonemes(("a", 1800), (" ", 200))
    brow = column(rows(speech(said, text)), "browInnerUp")
    plain = column(rows(speech(said, "I am.")), "browInnerUp")
    assert bool((brow - plain).max() > 0.3) == raised
    assert abs(float(brow[-1] - plain[-1])) < 0.05


def test_idle_face_smiles_for_an_exclamation() -> None:
    """The smile ends with the speech."""
    said = phonemes(("a", 1800), (" ", 200))
    glad, plain = (column(rows(speech(said, text)), "cheekSquintLeft") for text in ("Great!", "Great."))
    assert (glad - plain)[60] > 0.05
    assert abs(float(glad[-1] - plain[-1])) < 0.02
