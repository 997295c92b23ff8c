"""Noises of a room, made the same each time: int16 samples at 16 kHz, without silence around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Samples

RATE = 16_000
Floats = NDArray[np.float64]


def noise(name: str) -> Samples:
    """The noise of this name, with a peak of -10 dBFS."""
    made = NOISES[name](np.random.default_rng(sum(map(ord, name))))
    samples: Samples = (made / np.abs(made).max() * 10_000).astype(np.int16)
    return samples


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * RATE)) / RATE


def _band(random: np.random.Generator, seconds: float, low: float, high: float) -> Floats:
    """Noise between two frequencies in Hz."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(size))
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    made: Floats = np.fft.irfft(spectrum, size)
    return made


def _swell(sound: Floats, rise: float, fall: float) -> Floats:
    """The sound with a rise and a fall, in seconds."""
    time = np.arange(sound.size) / RATE
    made: Floats = sound * np.minimum(1, time / rise) * np.minimum(1, (time[-1] - time) / fall)
    return made


def _bursts(random: np.random.Generator, seconds: float, count: int, decay: float, low: float, high: float) -> Floats:
    """Clicks at random times, each decaying in so many seconds."""
    made = np.zeros(round(seconds * RATE))
    for start in random.integers(0, max(1, made.size - round(4 * decay * RATE)), count):
        click = _band(random, 4 * decay, low, high) * np.exp(-_time(4 * decay) / decay)
        made[start : start + click.size] += click * random.uniform(0.4, 1)
    return made


def _harmonics(pitch: Floats, count: int) -> Floats:
    """A tone with overtones that follows a pitch in Hz."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    made: Floats = np.sum([np.sin(number * phase) / number for number in range(1, count + 1)], axis=0)
    return made


def _sneeze(random: np.random.Generator) -> Floats:
    breath = _swell(_band(random, 0.35, 400, 4000), 0.3, 0.04) * 0.3
    burst = _band(random, 0.3, 800, 7000) * np.exp(-_time(0.3) / 0.08)
    return np.concatenate([breath, np.zeros(800), burst])


def _cough(random: np.random.Generator) -> Floats:
    burst = [_band(random, 0.2, 300, 3500) * np.exp(-_time(0.2) / 0.06) for _ in range(2)]
    return np.concatenate([burst[0], np.zeros(1600), burst[1]])


def _laugh(random: np.random.Generator) -> Floats:
    puffs = []
    for number in range(6):
        pitch = np.linspace(330 - 20 * number, 260 - 15 * number, round(0.09 * RATE))
        voice = _harmonics(pitch, 8) + 2 * _band(random, 0.09, 800, 5000)[: pitch.size]
        puffs += [_swell(voice, 0.02, 0.05), np.zeros(round(0.08 * RATE))]
    return np.concatenate(puffs)


def _bark(random: np.random.Generator) -> Floats:
    pitch = np.concatenate([np.linspace(300, 700, 800), np.linspace(700, 350, 1600)])
    bark = _swell(_harmonics(pitch, 12) + 3 * _band(random, 0.15, 500, 6000), 0.01, 0.1)
    return np.concatenate([bark, np.zeros(2400), bark])


def _vacuum(random: np.random.Generator) -> Floats:
    return _swell(_band(random, 2.0, 200, 6000) + 0.05 * _harmonics(np.full(32_000, 220.0), 12), 0.2, 0.2)


def _door(random: np.random.Generator) -> Floats:
    return _band(random, 0.4, 40, 900) * np.exp(-_time(0.4) / 0.07)


NOISES: dict[str, Callable[[np.random.Generator], Floats]] = {
    "breath": lambda random: _swell(_band(random, 0.9, 500, 4500), 0.3, 0.4),
    "sneeze": _sneeze,
    "cough": _cough,
    "laugh": _laugh,
    "applause": lambda random: _swell(_bursts(random, 2.5, 300, 0.008, 700, 6000), 0.3, 0.6),
    "vacuum": _vacuum,
    "door": _door,
    "hiss": lambda random: _band(random, 0.6, 100, 7500),
    "keys": lambda random: _bursts(random, 1.5, 14, 0.006, 1500, 7000),
    "bark": _bark,
    "whistle": lambda random: _swell(np.sin(2 * np.pi * 1400 * _time(0.7)), 0.05, 0.1),
    "car": lambda random: _swell(_band(random, 2.0, 60, 1200), 0.8, 0.8),
    "cutlery": lambda random: _bursts(random, 0.8, 6, 0.03, 2500, 7500),
    "hum": lambda random: _swell(_harmonics(np.full(16_000, 100.0), 10), 0.1, 0.1),
}
"""By name; each takes its source of randomness."""
