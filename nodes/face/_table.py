"""The table of what each speech sound looks like, from viseme_map.json."""

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
    """One sound of a symbol: `dʒ` has two."""

    kind: Literal["sound", "pause", "skipped"]
    weights: Floats
    """By viseme; all zero where it takes the shape of its neighbours."""


@dataclass(frozen=True, slots=True)
class Table:
    """The file, as arrays."""

    visemes: tuple[str, ...]
    arkit: Floats
    """Shape (visemes, 52): the weights of the blendshapes."""
    strength: Floats
    """Shape (visemes, 52): how much each insists on its own shape between its neighbours."""
    sounds: dict[str, Floats]
    marks: dict[str, Floats]
    pauses: frozenset[str]

    def parts(self, symbol: str) -> tuple[Part, ...]:
        """The sounds of a phoneme's symbol. What is unknown takes the shape of its neighbours."""
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


# Read at import: a handler must not wait for a disk.
TABLE = _read()
"""What every speech sound looks like."""
