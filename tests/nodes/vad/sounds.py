"""Test sounds for detectors, a synthetic voice with known times and noise, and helpers to read the output."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import av
import numpy as np

from nodes.models import path as model_path
from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart, duration_of
from pipeline.node import Node
from pipeline.packet import SECOND
from pipeline.testing import RunResult, root_stamp, run_node

RATE = 16_000


def hiss(seconds: float, *, level: float, rate: int = RATE, seed: int = 1) -> Samples:
    """White noise at a level in dBFS."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return np.asarray(np.clip(noise * 32768 * 10 ** (level / 20), -32768, 32767), np.int16)


def buzz(seconds: float, *, rate: int = RATE) -> Samples:
    """A vowel-like sound: harmonics of 120 Hz below 3 kHz, at -15 dB."""
    times = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * hertz * times) * (500 / (500 + hertz)) for hertz in range(120, 3_000, 120))
    return np.asarray(wave / np.max(np.abs(wave)) * 0.3 * 32767, np.int16)


def talk(*parts: float, level: float = -65, rate: int = RATE) -> Samples:
    """Alternating silence and voice, of these durations in seconds, with background hiss."""
    pieces = [np.zeros(round(s * rate), np.int16) if n % 2 == 0 else buzz(s, rate=rate) for n, s in enumerate(parts)]
    return np.concatenate(pieces) + hiss(sum(parts) + 1, level=level, rate=rate)[: sum(map(len, pieces))]


def packets(samples: Samples, *, rate: int = RATE, size: int = 0) -> list[Audio]:
    """A stream of audio in packets of 20 ms by default."""
    cuts = [*range(0, len(samples), size or rate // 50), len(samples)]
    times = [duration_of(cut, rate) for cut in cuts]
    return [
        Audio(root_stamp(time, until - time), samples[begin:end], rate)
        for (begin, end), (time, until) in zip(pairwise(cuts), pairwise(times), strict=True)
    ]


def heard(node: Node[Any], samples: Samples, *, rate: int = RATE, size: int = 0) -> RunResult:
    """The output of a detector for some samples."""
    out = run_node(node, packets(samples, rate=rate, size=size))
    assert not out.errors
    return out


def spans(outcome: RunResult) -> list[tuple[float, float]]:
    """Start and end of each span of speech in seconds; fails if a mark has no partner."""
    marks = [packet for packet in outcome.packets if not isinstance(packet, Audio)]
    starts, ends = marks[::2], marks[1::2]
    assert {type(mark) for mark in starts} <= {SpeechStart}
    assert {type(mark) for mark in ends} <= {SpeechEnd}
    return [(a.at.pts / SECOND, b.at.pts / SECOND) for a, b in zip(starts, ends, strict=True)]


def mask(outcome: RunResult, samples: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each sample, whether it is speech."""
    voiced = np.zeros(samples, bool)
    for begin, end in spans(outcome):
        voiced[round(begin * RATE) : round(end * RATE)] = True
    return voiced


def recorded(name: str, file: str) -> Samples:
    """A recording at 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(model_path(name) / file)) as container:
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([piece.to_ndarray().reshape(-1) for piece in [*frames, *resampler.resample(None)]])
