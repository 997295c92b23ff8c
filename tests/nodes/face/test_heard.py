"""Mouth movement from sound alone."""

from __future__ import annotations

import numpy as np

from nodes.face._heard import Loudness
from tests.nodes.face.talking import RATE, column, hum, rows, sounding

HISS = np.random.default_rng(0).standard_normal(RATE // 2)
HISS = np.diff(HISS, prepend=0) * 0.1


def test_loudness_mouth_opens_with_the_loudness() -> None:
    """Voices without phonemes still get a moving mouth."""
    frames = rows(sounding(np.concatenate([hum(0.4), np.zeros(RATE // 2), hum(0.4)])))
    jaw = column(frames, "jawOpen")
    assert jaw[12] > 0.25
    assert jaw[38] < 0.02
    assert jaw[64] > 0.25
    assert jaw[-1] < 0.05


def test_loudness_mouth_stays_closed_for_hissing_sounds() -> None:
    """An s has nearly closed teeth."""
    frames = rows(sounding(np.concatenate([hum(0.5, hertz=300), HISS])))
    assert column(frames, "jawOpen")[15] > 0.25
    assert column(frames, "jawOpen")[45] < 0.1
    assert column(frames, "mouthStretchLeft")[45] > 0.2


def test_loudness_mouth_is_round_for_dark_sounds() -> None:
    """An o looks different from an e."""
    dark, bright = rows(sounding(hum(0.5, hertz=110))), rows(sounding(hum(0.5, hertz=1000)))
    assert column(dark, "mouthPucker")[15] > 0.2
    assert column(bright, "mouthPucker")[15] < 0.05


def test_loudness_mouth_rests_in_silence() -> None:
    """Noise in a silent file must not move the mouth."""
    assert column(rows(sounding(np.zeros(RATE))), "jawOpen").max() < 0.01


def test_loudness_mouth_is_the_same_in_batches() -> None:
    """Separately computed frames join without a seam."""
    samples = (np.concatenate([hum(0.3), HISS, hum(0.3)]) * 32767).astype(np.int16)
    loudness = Loudness(samples, RATE, 60)
    whole = loudness.level(0, 60), loudness.bright(0, 60)
    for level, each in zip(whole, (loudness.level, loudness.bright), strict=True):
        assert np.allclose(level, np.concatenate([each(0, 7), each(7, 40), each(47, 13)]), rtol=1e-4)
    assert np.isfinite(loudness.level(-20, 200)).all()
