"""The mouth shapes of speech sounds, from viseme_map.json."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nodes.face.arkit import INDEX, NAMES

Floats = NDArray[np.float32]

PRIMARY, SECONDARY = "ˈ", "ˌ"
_JAW = frozenset({"jawOpen", "jawForward", "tongueOut"})


@dataclass(frozen=True, slots=True)
class Part:
    """One sound of a phoneme symbol; `dʒ` has two."""

    kind: Literal["sound", "pause", "skipped"]
    weights: Floats
    """One weight per viseme; all zero if the sound takes the shape of its neighbours."""


@dataclass(frozen=True, slots=True)
class Table:
    """The content of the file, as arrays."""

    visemes: tuple[str, ...]
    arkit: Floats
    """Shape (visemes, 52): blendshape weights."""
    strength: Floats
    """Shape (visemes, 52): how strongly each viseme pulls towards its shape between neighbours."""
    sounds: dict[str, Floats]
    marks: dict[str, Floats]
    pauses: frozenset[str]

    def parts(self, symbol: str) -> tuple[Part, ...]:
        """The sounds of a phoneme symbol; an unknown one takes the shape of its neighbours."""
        parts: list[Part] = []
        for letter in unicodedata.normalize("NFC", symbol):
            if letter in self.sounds:
                parts.append(Part("sound", self.sounds[letter]))
            elif letter in self.marks:
                if parts:
                    parts[-1] = Part(parts[-1].kind, parts[-1].weights + self.marks[letter])
            else:
                kind: Literal["pause", "skipped"] = "pause" if letter in self.pauses else "skipped"
                parts.append(Part(kind, np.zeros(len(self.visemes), np.float32)))
        return tuple(parts)


def _read() -> Table:
    raw: dict[str, Any] = json.loads(files("nodes.face").joinpath("viseme_map.json").read_text(encoding="utf-8"))
    names = tuple(raw["visemes"])
    return Table(
        visemes=names,
        arkit=np.array([_blendshapes(viseme["arkit"]) for viseme in raw["visemes"].values()]),
        strength=np.array([_strength(viseme) for viseme in raw["visemes"].values()]),
        sounds={symbol: _weights(names, weights) for symbol, weights in raw["sounds"].items()},
        marks={symbol: _weights(names, weights) for symbol, weights in raw["marks"].items()},
        pauses=frozenset(raw["pauses"]),
    )


def _weights(names: tuple[str, ...], weights: dict[str, float]) -> Floats:
    return np.array([weights.get(name, 0.0) for name in names], np.float32)


def _strength(viseme: dict[str, Any]) -> Floats:
    return np.array([viseme["jaw" if name in _JAW else "lips"] for name in NAMES], np.float32)


def _blendshapes(weights: dict[str, float]) -> Floats:
    row = np.zeros(len(NAMES), np.float32)
    for name, weight in weights.items():
        for column in (name,) if name in INDEX else (f"{name}Left", f"{name}Right"):
            row[INDEX[column]] = weight
    return row


# Read at import: handlers must not wait for the disk.
TABLE = _read()
"""The mouth shapes of all speech sounds."""
