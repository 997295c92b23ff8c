"""The table of mouth shapes: a missing symbol would freeze the mouth."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

from nodes.face._table import TABLE
from nodes.face.arkit import INDEX, NAMES
from nodes.tts._phonemes import IPA


def raw() -> Any:
    return json.loads(files("nodes.face").joinpath("viseme_map.json").read_text(encoding="utf-8"))


def known(symbol: str) -> bool:
    sections = raw()
    named = {*sections["sounds"], *sections["marks"], *sections["pauses"], *sections["skipped"]}
    return all(letter in named for letter in symbol)


def test_viseme_table_has_every_symbol_of_piper() -> None:
    """All 166, for every language."""
    assert len(DEFAULT_PHONEME_ID_MAP) == 166
    assert [symbol for symbol in DEFAULT_PHONEME_ID_MAP if not known(symbol)] == []


def test_viseme_table_has_every_letter_of_hibari() -> None:
    names = json.loads(files("hibari").joinpath("assets/vocab.json").read_text(encoding="utf-8"))
    unused = set("STᵝꭧ→↗↘")  # in its alphabet, but not in English
    assert [name for name in names if name not in unused and not known(IPA.get(name, name))] == []


def test_viseme_table_weights_are_in_bounds() -> None:
    """A weight above 1 tears the face."""
    sections = raw()
    visemes = set(sections["visemes"])
    for weights in [*sections["sounds"].values(), *sections["marks"].values()]:
        assert set(weights) <= visemes
        assert all(0 < weight <= 1 for weight in weights.values())
    assert TABLE.arkit.min() >= 0
    assert TABLE.arkit.max() <= 1
    assert TABLE.visemes[0] == "sil"
    assert not TABLE.arkit[0].any()


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n.startswith("mouth") and n.endswith("Left") and n != "mouthLeft"]
)
def test_viseme_table_mouth_is_symmetric(name: str) -> None:
    left, right = INDEX[name], INDEX[name.replace("Left", "Right")]
    assert np.array_equal(TABLE.arkit[:, left], TABLE.arkit[:, right])


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("ˈa", ["aa"]),
        ("iː", ["I"]),
        ("aɪ", ["aa", "I"]),
        ("tʃ", ["DD", "CH"]),
        ("c\u0327", ["SS"]),  # a ç as espeak spells it
        ("ɑ\u0303", ["aa"]),
        ("m", ["PP"]),
        ("v", ["FF"]),
        ("h", [None]),
        ("", []),
    ],
)
def test_viseme_table_splits_symbols_from_their_marks(symbol: str, expected: list[str | None]) -> None:
    """Stress, length and accents must not hide the sound."""
    parts = TABLE.parts(symbol)
    seen = [TABLE.visemes[part.weights.argmax()] if part.weights.any() else None for part in parts]
    assert seen == expected


def test_viseme_table_marks_modify_the_sound_before_them() -> None:
    """A rounded consonant is rounder; a mark without a sound has no effect."""
    (plain,), (rounded,) = TABLE.parts("k"), TABLE.parts("kʷ")
    assert rounded.weights[TABLE.visemes.index("U")] > plain.weights[TABLE.visemes.index("U")]
    assert TABLE.parts("ʷ") == ()


def test_viseme_table_unknown_symbol_takes_shape_of_its_neighbours() -> None:
    """A new symbol must not fail the node."""
    assert [(part.kind, bool(part.weights.any())) for part in TABLE.parts("☃")] == [("skipped", False)]
    assert [part.kind for part in TABLE.parts(", ")] == ["pause", "pause"]
