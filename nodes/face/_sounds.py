"""From phonemes with times to sounds with shapes: what a mouth has to form, and when."""

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
"""After the start: until then the mouth comes from where it was."""
RELEASE = 0.1
"""Before the end: from then the mouth goes to rest."""
_SHUT = 0.015
"""Before the end: then it is there, so that the last frame shows it."""
_GAP = 0.12
"""Shorter silences do not close the mouth."""
_TOUCH = 0.05
"""Lips that must touch do so at least this long."""
_BURST = 0.8
"""The part of such a sound after which they open."""
_TOUCHING = 0.85
"""The weight from which lips touch, and do not just come near."""
_STRESS = {PRIMARY: 1.15, SECONDARY: 1.05}


@dataclass(slots=True)
class Closure:
    """Lips that touch from `start` to `end`, in the shape of a viseme."""

    viseme: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Sounds:
    """The sounds of a speech that have a shape, in order."""

    start: Times
    end: Times
    shape: Floats
    """Shape (n, 52): blendshapes at its fullest."""
    strength: Floats
    """Shape (n, 52): how much it insists on them."""
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
    """What the phonemes of a speech of so many seconds look like."""
    spans = list(_shaped(phonemes))
    weights = np.array([span.part.weights for span in spans], np.float32).reshape(-1, len(TABLE.visemes))
    stress = np.array([_STRESS.get(span.mark, 1.0) for span in spans], np.float32)[:, None]
    # Silence has no weights, but the strength of `sil`, the first viseme.
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
    """0 up to 0, 1 from 1, and an S between them."""
    x = np.clip(x, 0, 1)
    curve: NDArray[np.float64] = x * x * (3 - 2 * x)
    return curve


def released(times: Times, duration: float) -> Floats:
    """What is left of the mouth's shape near the end of a speech, shape (n, 1)."""
    return smooth((duration - _SHUT - times) / (RELEASE - _SHUT))[:, None].astype(np.float32)


def _shaped(phonemes: tuple[Phoneme, ...]) -> Iterator[_Span]:
    """The sounds that have a shape of their own; of the silences those that are long enough."""
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
    """Where lips touch: long enough, inside the speech, one after the other."""
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
    # At rest the lips are together, so one at the very start needs no time to close.
    start = max(min(start, duration - RELEASE - length), 0.0)
    return Closure(viseme, start, start + length)


def _add(closures: list[Closure], new: Closure) -> None:
    """Joins it to the one before where lips stay together, or lets the two share their overlap."""
    before = closures[-1] if closures else None
    if before is not None and before.viseme == new.viseme and new.start - before.end < _TOUCH:
        before.end = max(before.end, new.end)
        return
    if before is not None and new.start < before.end:
        before.end = new.start = (before.end + new.start) / 2
    closures.append(new)
