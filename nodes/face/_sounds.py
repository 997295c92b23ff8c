"""Turns timed phonemes into timed mouth shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from nodes.face._table import PRIMARY, SECONDARY, TABLE, Floats, Part
from nodes.packets import Phoneme

Times = NDArray[np.float64]
"""Seconds from the start of the speech."""

SETTLE = 0.03
"""Seconds after the start in which the mouth blends from its previous shape."""
RELEASE = 0.1
"""Seconds before the end at which the mouth starts to come to rest."""
_SHUT = 0.015
"""Seconds before the end at which it is at rest, so that the last frame shows it."""
_GAP = 0.12
"""Seconds; a shorter silence does not close the mouth."""
_TOUCH = 0.05
"""Minimum duration of a lip closure in seconds."""
_BURST = 0.8
"""Share of the sound after which the lips open again."""
_TOUCHING = 0.85
"""Viseme weight from which lips touch."""
_STRESS = {PRIMARY: 1.15, SECONDARY: 1.05}


@dataclass(slots=True)
class Closure:
    """A lip closure in the shape of a viseme, from `start` to `end` in seconds."""

    viseme: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Sounds:
    """The sounds of a speech that have a mouth shape, in order."""

    start: Times
    end: Times
    shape: Floats
    """Shape (n, 52): the blendshapes of each sound at full strength."""
    strength: Floats
    """Shape (n, 52): how strongly each sound pulls towards them."""
    closures: tuple[Closure, ...]
    stressed: tuple[float, ...]
    """The middle of each sound with primary stress."""


@dataclass(frozen=True, slots=True)
class _Span:
    start: float
    end: float
    part: Part
    mark: str

    @property
    def silent(self) -> bool:
        return self.part.kind == "pause"


def sounds_of(phonemes: tuple[Phoneme, ...], duration: float) -> Sounds:
    """The mouth shapes for the phonemes of a speech of `duration` seconds."""
    spans = list(_shaped(phonemes))
    weights = np.array([span.part.weights for span in spans], np.float32).reshape(-1, len(TABLE.visemes))
    stress = np.array([_STRESS.get(span.mark, 1.0) for span in spans], np.float32)[:, None]
    # Silence has no weights, but has the strength of `sil`, the first viseme.
    total = weights.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, weights / np.maximum(total, 1e-6), np.eye(1, len(TABLE.visemes)))
    return Sounds(
        np.array([span.start for span in spans]),
        np.array([span.end for span in spans]),
        np.minimum(weights @ TABLE.arkit * stress, 1),
        (shares @ TABLE.strength).astype(np.float32),
        _closures(spans, duration),
        tuple((span.start + span.end) / 2 for span in spans if span.mark == PRIMARY),
    )


def smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smoothstep: 0 below 0, 1 above 1, an S curve between."""
    x = np.clip(x, 0, 1)
    curve: NDArray[np.float64] = x * x * (3 - 2 * x)
    return curve


def released(times: Times, duration: float) -> Floats:
    """Factor from 1 to 0 towards the end of a speech, shape (n, 1)."""
    return smooth((duration - _SHUT - times) / (RELEASE - _SHUT))[:, None].astype(np.float32)


def _shaped(phonemes: tuple[Phoneme, ...]) -> Iterator[_Span]:
    """The sounds with a shape of their own, and the silences that are long enough."""
    for silent, group in groupby(_spans(phonemes), key=lambda span: span.silent):
        spans = list(group)
        if not silent:
            yield from (span for span in spans if span.part.weights.any())
        elif spans[-1].end - spans[0].start > _GAP:
            yield _Span(spans[0].start, spans[-1].end, spans[0].part, "")


def _spans(phonemes: tuple[Phoneme, ...]) -> Iterator[_Span]:
    for phoneme in phonemes:
        parts = TABLE.parts(phoneme.symbol)
        ends = np.linspace(phoneme.start / 1e9, phoneme.end / 1e9, len(parts) + 1).tolist()
        for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True):
            yield _Span(start, end, part, phoneme.symbol[0])


def _closures(spans: list[_Span], duration: float) -> tuple[Closure, ...]:
    """All lip closures: long enough, inside the speech, and not overlapping."""
    closures: list[Closure] = []
    touching = [TABLE.visemes.index(name) for name in ("PP", "FF")]
    for span in spans:
        for viseme in touching:
            if span.part.weights[viseme] >= _TOUCHING:
                _add(closures, _closure(viseme, span, duration))
    return tuple(closures)


def _closure(viseme: int, span: _Span, duration: float) -> Closure:
    length = max(_TOUCH, (span.end - span.start) * _BURST)
    start = min(span.start, (span.start + span.end - length) / 2)
    # At rest the lips touch, so a closure at the very start needs no time to form.
    start = max(min(start, duration - RELEASE - length), 0.0)
    return Closure(viseme, start, start + length)


def _add(closures: list[Closure], new: Closure) -> None:
    """Adds a closure; merges it with the previous one or splits their overlap."""
    before = closures[-1] if closures else None
    if before is not None and before.viseme == new.viseme and new.start - before.end < _TOUCH:
        before.end = max(before.end, new.end)
        return
    if before is not None and new.start < before.end:
        before.end = new.start = (before.end + new.start) / 2
    closures.append(new)
