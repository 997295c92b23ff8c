"""Mouth movement from phonemes: lips close, and nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.face._table import TABLE
from nodes.face.arkit import INDEX, NAMES
from tests.nodes.face.talking import Frames, column, phonemes, rows, speech

MOUTH = [column for name, column in INDEX.items() if name.startswith(("mouth", "jaw", "tongue"))]
VOWELS = "aeiouæɑəɛɪʊʌ"
QUICK = st.lists(st.tuples(st.sampled_from([*VOWELS, *"tdkgszlnɹwjhθʃ"]), st.integers(25, 160)), min_size=2, max_size=8)


def longest(run: Frames) -> int:
    """The longest run of true frames."""
    best = now = 0
    for each in run:
        now = now + 1 if each else 0
        best = max(best, now)
    return best


def closed(frames: Frames, viseme: str) -> Frames:
    """Where the lips have at least 0.9 of the closed shape and the jaw allows it."""
    shape = TABLE.arkit[TABLE.visemes.index(viseme)]
    key = {"PP": "mouthPressLeft", "FF": "mouthRollLower"}[viseme]
    jaw = column(frames, "jawOpen") <= shape[INDEX["jawOpen"]] + 0.06
    return np.asarray((column(frames, key) >= 0.9 * shape[INDEX[key]]) & jaw)


@settings(max_examples=40, deadline=None)
@given(QUICK, st.sampled_from("pbmfv"), st.integers(15, 150), QUICK)
def test_mouth_lips_touch_for_40_ms_between_any_sounds(
    before: list[tuple[str, int]], lips: str, length: int, after: list[tuple[str, int]]
) -> None:
    """People read p, b, m, f and v from the lips."""
    said = phonemes(*before, (lips, length), *after, ("ə", 100), (" ", 150))
    frames = rows(speech(said))
    # Three frames at 60 a second are 50 ms on the screen.
    assert longest(closed(frames, "FF" if lips in "fv" else "PP")) >= 3


@settings(max_examples=40, deadline=None)
@given(QUICK)
def test_mouth_weights_stay_in_bounds_and_move_smoothly(said: list[tuple[str, int]]) -> None:
    """A weight outside 0 to 1 tears the mesh, and a jump looks like a glitch."""
    frames = rows(speech(phonemes((" ", 30), *said, (" ", 150))))
    assert np.isfinite(frames).all()
    assert frames[:, : len(NAMES)].min() >= 0
    assert frames[:, : len(NAMES)].max() <= 1
    assert np.abs(np.diff(frames[:, MOUTH], axis=0)).max() <= 0.5


def test_mouth_distinguishes_vowels() -> None:
    """An open a, a spread i, a rounded u."""
    frames = rows(speech(phonemes((" ", 50), ("a", 300), ("i", 300), ("u", 300), (" ", 150))))
    a, i, u = frames[12], frames[30], frames[48]
    assert a[INDEX["jawOpen"]] > 0.35 > 0.2 > i[INDEX["jawOpen"]]
    assert i[INDEX["mouthSmileLeft"]] > 0.25
    assert u[INDEX["mouthPucker"]] > 0.6 > 0.05 > a[INDEX["mouthPucker"]]


def test_mouth_consonants_take_lip_shape_of_the_adjacent_vowel() -> None:
    """The t of "too" is rounded, that of "tea" is not."""
    too = rows(speech(phonemes(("t", 80), ("u", 200), (" ", 150))))
    tea = rows(speech(phonemes(("t", 80), ("i", 200), (" ", 150))))
    assert column(too, "mouthPucker")[3] > 0.3
    assert column(tea, "mouthPucker")[3] < 0.05


def test_mouth_opens_less_in_quick_speech() -> None:
    """The vowel of a quick "data" is less open than a sung one."""
    quick = rows(speech(phonemes(("t", 40), ("a", 40), ("t", 40), (" ", 150))))
    slow = rows(speech(phonemes(("t", 200), ("a", 200), ("t", 200), (" ", 150))))
    assert column(quick, "jawOpen").max() < 0.8 * column(slow, "jawOpen").max()


def test_mouth_rests_at_the_end_of_speech() -> None:
    """Also after a vowel that ends the sound."""
    frames = rows(speech(phonemes(("a", 400))))
    assert column(frames, "jawOpen").max() > 0.3
    assert frames[-1, MOUTH].max() < 0.15
    assert column(frames, "jawOpen")[-1] < 0.05


def test_mouth_closes_for_pause_within_a_stretched_phoneme() -> None:
    """Some voices extend the last sound before a comma into the silence after it."""
    said = phonemes(("a", 1000), ("t", 100))
    loud = speech(said)
    loud.samples[4000:14000] = 0  # 250 to 875 ms
    frames = rows(loud)
    assert column(frames, "jawOpen")[10] > 0.3
    assert column(frames, "jawOpen")[34] < 0.02


@pytest.mark.parametrize("articulation", [0.5, 1.5])
def test_mouth_articulation_opens_wider_but_keeps_closures(articulation: float) -> None:
    """Lips also close for an m when the face mumbles."""
    frames = rows(speech(phonemes(("a", 200), ("m", 100), ("a", 200), (" ", 150))), articulation=articulation)
    plain = rows(speech(phonemes(("a", 200), ("m", 100), ("a", 200), (" ", 150))))
    assert longest(closed(frames, "PP")) >= 3
    assert (column(frames, "jawOpen").max() > column(plain, "jawOpen").max()) == (articulation > 1)
