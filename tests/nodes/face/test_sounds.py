"""Timed mouth shapes and lip closures."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.face._sounds import Sounds, sounds_of
from nodes.face._table import TABLE
from nodes.face.arkit import INDEX
from tests.nodes.face.talking import phonemes


def sounds(*spans: tuple[str, int]) -> Sounds:
    said = phonemes(*spans)
    return sounds_of(said, said[-1].end / 1e9)


def test_mouth_sounds_close_only_for_long_silences() -> None:
    """The mouth closes at a comma, but not between words."""
    assert len(sounds(("a", 80), (" ", 60), ("a", 80)).start) == 2
    paused = sounds(("a", 80), (",", 70), (" ", 60), ("a", 80))
    assert np.allclose(paused.start, [0, 0.08, 0.21])
    assert np.allclose(paused.end, [0.08, 0.21, 0.29])
    assert not paused.shape[1].any()


def test_mouth_sounds_without_shape_take_that_of_their_neighbours() -> None:
    """An h has the mouth shape of the vowel after it."""
    assert np.allclose(sounds(("h", 80), ("i", 80)).start, [0.08])


def test_mouth_sounds_open_further_when_stressed() -> None:
    """Stressed syllables are visible, and the head nods on them."""
    plain, stressed = sounds(("a", 100)), sounds(("ˈa", 100))
    jaw = INDEX["jawOpen"]
    assert stressed.shape[0, jaw] == pytest.approx(plain.shape[0, jaw] * 1.15)
    assert stressed.stressed == (0.05,)
    assert plain.stressed == ()


def test_mouth_sounds_close_lips_long_enough_for_short_plosives() -> None:
    """A p of 20 ms must still close the lips visibly."""
    (closure,) = sounds(("a", 200), ("p", 20), ("a", 200)).closures
    assert closure.end - closure.start == pytest.approx(0.05)
    assert (closure.start + closure.end) / 2 == pytest.approx(0.21)


def test_mouth_sounds_merge_adjacent_lip_closures() -> None:
    """The m and p of "lamp" are one closure; the b and v of "obvious" are two."""
    assert len(sounds(("a", 100), ("m", 60), ("p", 60), ("a", 100)).closures) == 1
    b, v = sounds(("a", 100), ("b", 30), ("v", 30), ("i", 100)).closures
    assert (TABLE.visemes[b.viseme], TABLE.visemes[v.viseme]) == ("PP", "FF")
    assert b.end == v.start


def test_mouth_sounds_close_lips_inside_the_speech() -> None:
    """A final p closes before the end of the sound."""
    (closure,) = sounds(("a", 300), ("p", 20)).closures
    assert closure.end <= 0.32 - 0.1 + 1e-9


def test_mouth_sounds_of_speech_without_any_sound_are_empty() -> None:
    """A sentence of punctuation only."""
    nothing = sounds((" ", 50), ("?", 60))
    assert len(nothing.start) == 0
    assert nothing.shape.shape == (0, 52)
