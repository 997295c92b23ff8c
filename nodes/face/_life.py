"""What a face does beside speaking: it blinks, looks, moves its head, smiles and means what it says.

Blinks, gaze, sway and smile are functions of the session's time and a seed alone, so that
batches and speeches join without a jump. Gestures belong to a speech and end within it.
Angles in radians: pitch looks down, yaw turns to the person's own left, roll tilts the
head to its right; which is how x, y and z turn in a space whose y points up and whose z
points at the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.face._sounds import Times, smooth
from nodes.face._table import Floats
from nodes.face.arkit import INDEX, NAMES

POSE = 7
"""Head pitch, yaw, roll; left eye pitch, yaw; right eye pitch, yaw."""
_BLINKS_EVERY = 3.6
_CLOSING, _SHUT, _OPENING = 0.075, 0.03, 0.16
_LOOKS_EVERY = 1.3
_SACCADE = 0.045
_AT_VIEWER = 0.65
"""The share of glances that meet the viewer's eyes."""
_FULL_LOOK = 0.5
"""The angle at which a blendshape of the eyes is 1."""
_NOD = 0.22
"""Half the length of a nod, in seconds."""
_NODS_APART = 0.5

Values = NDArray[np.float64]


def _chance(seed: int, layer: int, cells: NDArray[np.int64]) -> Values:
    """A number from 0 to 1 for every cell: always the same for the same seed, layer and cell."""
    x = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64((seed * 64 + layer) & 0xFFFFFFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return (x ^ (x >> np.uint64(31))).astype(np.float64) / 2.0**64


def _sway(seed: int, layer: int, times: Times) -> Values:
    """A slow wander between -1 and 1."""
    phases = _chance(seed, layer, np.arange(3)) * 2 * np.pi
    parts = (0.13, 0.29, 0.47)
    return sum((np.sin(2 * np.pi * f * times + p) for f, p in zip(parts, phases, strict=True)), np.zeros(1)) / 3


@dataclass(frozen=True, slots=True)
class Gestures:
    """What the words of one speech ask of the face; times in seconds from its start."""

    nods: tuple[float, ...]
    asks: bool
    exclaims: bool
    duration: float

    @classmethod
    def of(cls, text: str, stressed: tuple[float, ...], duration: float) -> Gestures:
        """Nods on stressed syllables that are far enough apart; brows for a question."""
        nods: list[float] = []
        for time in stressed:
            fits = _NOD <= time <= duration - _NOD
            if fits and (not nods or time - nods[-1] >= _NODS_APART):
                nods.append(time)
        mark = text.rstrip(" \"'”’)]")[-1:]
        return cls(tuple(nods), mark in "?？" and bool(mark), mark in "!！" and bool(mark), duration)

    def within(self, times: Times, edge: float) -> Values:
        """1 in the speech, 0 at its ends."""
        edge = min(edge, self.duration / 2) or 1.0
        inside: Values = smooth(times / edge) * smooth((self.duration - times) / edge)
        return inside

    def beats(self, times: Times) -> Values:
        """1 at each nod."""
        return sum((_bump((times - nod) / _NOD) for nod in self.nods), np.zeros(len(times)))


def _bump(x: Values) -> Values:
    inside: Values = np.where(np.abs(x) < 1, (1 + np.cos(np.pi * np.clip(x, -1, 1))) / 2, 0)
    return inside


@dataclass(frozen=True, slots=True)
class Life:
    """The face beside the mouth."""

    seed: int
    amount: float
    """0 is a mask, 1 is ordinary, 2 is an actor."""

    def frames(self, times: Times, begin: float, gestures: Gestures) -> tuple[Floats, Floats]:
        """Weights to add, shape (n, 52), and the pose, shape (n, 7); `begin` is when the speech begins."""
        weights = np.zeros((len(times), len(NAMES)), np.float32)
        now = times + begin
        head = self._head(now, times, gestures)
        gaze = self._gaze(now)
        # Eyes stay on what they look at while the head moves.
        eyes = gaze - head[:, :2] * 0.8
        self._brows(weights, now, times, gestures)
        self._smile(weights, now, times, gestures)
        self._eyes(weights, eyes, self._blink(now))
        return weights, np.hstack([head, eyes, eyes]).astype(np.float32)

    def _head(self, now: Times, times: Times, gestures: Gestures) -> Values:
        still = np.stack([_sway(self.seed, layer, now) for layer in (1, 2, 3)], axis=1) * (0.022, 0.035, 0.02)
        nod = gestures.beats(times) * 0.035
        tilt = gestures.within(times, 0.4) * (0.03 if gestures.asks else 0.0)
        moving: Values = (still + np.stack([nod, np.zeros_like(nod), tilt], axis=1)) * self.amount
        return moving

    def _gaze(self, now: Times) -> Values:
        """Pitch and yaw of what is looked at: mostly the viewer, else something near."""
        cells = np.floor(now / _LOOKS_EVERY).astype(np.int64)
        at = (cells + 0.6 * _chance(self.seed, 4, cells)) * _LOOKS_EVERY
        share = smooth((now - at) / _SACCADE)[:, None]
        gaze: Values = self._target(cells - 1) * (1 - share) + self._target(cells) * share
        return gaze * self.amount

    def _target(self, cells: NDArray[np.int64]) -> Values:
        away = _chance(self.seed, 5, cells) > _AT_VIEWER
        spots = np.stack([_chance(self.seed, layer, cells) - 0.5 for layer in (6, 7)], axis=1)
        return spots * np.where(away[:, None], (0.1, 0.18), (0.015, 0.025))

    def _blink(self, now: Times) -> Values:
        cells = np.floor(now / _BLINKS_EVERY).astype(np.int64)
        since = now - (cells + 0.1 + 0.75 * _chance(self.seed, 8, cells)) * _BLINKS_EVERY
        lids: Values = smooth(since / _CLOSING) * (1 - smooth((since - _CLOSING - _SHUT) / _OPENING))
        return lids

    def _eyes(self, weights: Floats, eyes: Values, blink: Values) -> None:
        down, left = eyes[:, 0] / _FULL_LOOK, eyes[:, 1] / _FULL_LOOK
        looks = {
            "Down": (down, down), "Up": (-down, -down), "Out": (left, -left), "In": (-left, left)
        }  # fmt: skip
        for way, both in looks.items():
            for side, amount in zip(("Left", "Right"), both, strict=True):
                weights[:, INDEX[f"eyeLook{way}{side}"]] = np.clip(amount, 0, 1)
        # Lids follow the eyes down.
        lids = np.maximum(blink, np.clip(down, 0, 1) * 0.3)
        for side in ("Left", "Right"):
            weights[:, INDEX[f"eyeBlink{side}"]] = lids

    def _brows(self, weights: Floats, now: Times, times: Times, gestures: Gestures) -> None:
        idle = np.clip(_sway(self.seed, 9, now), 0, 1) * 0.08
        beat = gestures.beats(times) * 0.1
        asking = smooth((times - gestures.duration + 1.1) / 0.35) * gestures.within(times, 0.2)
        raised = (idle + beat + asking * (0.45 if gestures.asks else 0.0)) * self.amount
        for name, share in (("browInnerUp", 1.0), ("browOuterUpLeft", 0.8), ("browOuterUpRight", 0.7)):
            weights[:, INDEX[name]] = np.clip(raised * share, 0, 1)

    def _smile(self, weights: Floats, now: Times, times: Times, gestures: Gestures) -> None:
        glad = gestures.within(times, 0.35) * (0.15 if gestures.exclaims else 0.0)
        smile = np.clip((0.09 + 0.05 * _sway(self.seed, 10, now) + glad) * self.amount, 0, 1)
        for name, share in (("mouthSmile", 1.0), ("cheekSquint", 0.5), ("eyeSquint", 0.3)):
            for side in ("Left", "Right"):
                weights[:, INDEX[name + side]] = smile * share
