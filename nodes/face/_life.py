"""Everything a face does besides speaking: blinks, gaze, head motion, smiles and gestures.

Blinks, gaze, sway and smile depend only on the session time and a seed, so that batches and
speeches join without a jump. Gestures belong to one speech and end within it. Angles are in
radians: positive pitch looks down, yaw turns to the face's own left, roll tilts the head to
its right, i.e. rotations about x, y and z with y up and z towards the viewer.
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
_BLINK_INTERVAL = 3.6
"""Seconds; one blink at a random time in each."""
_CLOSING, _SHUT, _OPENING = 0.075, 0.03, 0.16
"""Seconds of the phases of a blink."""
_GAZE_INTERVAL = 1.3
"""Seconds; one change of gaze at a random time in each."""
_SACCADE = 0.045
"""Seconds that the eyes take to a new target."""
_AT_VIEWER = 0.65
"""Share of gaze targets that are the viewer's eyes."""
_FULL_LOOK = 0.5
"""Angle in radians at which an eye blendshape reaches 1."""
_NOD = 0.22
"""Half the length of a nod, in seconds."""
_NOD_INTERVAL = 0.5
"""Minimum seconds between two nods."""

Values = NDArray[np.float64]


def _chance(seed: int, layer: int, cells: NDArray[np.int64]) -> Values:
    """A pseudorandom number from 0 to 1 for every cell, determined by seed, layer and cell."""
    x = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64((seed * 64 + layer) & 0xFFFFFFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return (x ^ (x >> np.uint64(31))).astype(np.float64) / 2.0**64


def _sway(seed: int, layer: int, times: Times) -> Values:
    """Slow motion between -1 and 1."""
    phases = _chance(seed, layer, np.arange(3)) * 2 * np.pi
    parts = (0.13, 0.29, 0.47)
    return sum((np.sin(2 * np.pi * f * times + p) for f, p in zip(parts, phases, strict=True)), np.zeros(1)) / 3


@dataclass(frozen=True, slots=True)
class Gestures:
    """The gestures of one speech; times in seconds from its start."""

    nods: tuple[float, ...]
    asks: bool
    exclaims: bool
    duration: float

    @classmethod
    def of(cls, text: str, stressed: tuple[float, ...], duration: float) -> Gestures:
        """Derives gestures: nods on stressed syllables, raised brows for a question."""
        nods: list[float] = []
        for time in stressed:
            fits = _NOD <= time <= duration - _NOD
            if fits and (not nods or time - nods[-1] >= _NOD_INTERVAL):
                nods.append(time)
        mark = text.rstrip(" \"'”’)]")[-1:]
        return cls(tuple(nods), mark in "?？" and bool(mark), mark in "!！" and bool(mark), duration)

    def within(self, times: Times, edge: float) -> Values:
        """1 inside the speech, 0 at its ends; `edge` is the length of the ramps in seconds."""
        edge = min(edge, self.duration / 2) or 1.0
        inside: Values = smooth(times / edge) * smooth((self.duration - times) / edge)
        return inside

    def beats(self, times: Times) -> Values:
        """1 at the peak of each nod."""
        return sum((_bump((times - nod) / _NOD) for nod in self.nods), np.zeros(len(times)))


def _bump(x: Values) -> Values:
    inside: Values = np.where(np.abs(x) < 1, (1 + np.cos(np.pi * np.clip(x, -1, 1))) / 2, 0)
    return inside


@dataclass(frozen=True, slots=True)
class Life:
    """The motion of the face apart from the mouth."""

    seed: int
    amount: float
    """Expressiveness: 0 is none, 1 is ordinary, 2 is exaggerated."""

    def frames(self, times: Times, begin: float, gestures: Gestures) -> tuple[Floats, Floats]:
        """Returns weights to add, shape (n, 52), and the pose, shape (n, 7); the speech starts at `begin` seconds."""
        weights = np.zeros((len(times), len(NAMES)), np.float32)
        now = times + begin
        head = self._head(now, times, gestures)
        gaze = self._gaze(now)
        # The eyes stay on their target while the head moves.
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
        """Pitch and yaw of the gaze target: mostly the viewer, else a point nearby."""
        cells = np.floor(now / _GAZE_INTERVAL).astype(np.int64)
        at = (cells + 0.6 * _chance(self.seed, 4, cells)) * _GAZE_INTERVAL
        share = smooth((now - at) / _SACCADE)[:, None]
        gaze: Values = self._target(cells - 1) * (1 - share) + self._target(cells) * share
        return gaze * self.amount

    def _target(self, cells: NDArray[np.int64]) -> Values:
        away = _chance(self.seed, 5, cells) > _AT_VIEWER
        spots = np.stack([_chance(self.seed, layer, cells) - 0.5 for layer in (6, 7)], axis=1)
        return spots * np.where(away[:, None], (0.1, 0.18), (0.015, 0.025))

    def _blink(self, now: Times) -> Values:
        cells = np.floor(now / _BLINK_INTERVAL).astype(np.int64)
        since = now - (cells + 0.1 + 0.75 * _chance(self.seed, 8, cells)) * _BLINK_INTERVAL
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
        # The lids follow the eyes down.
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
