"""What was played, on the session's clock, and how much later it comes back through a microphone."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from nodes.packets import Samples
from pipeline.packet import MILLISECOND, SECOND

RATE = 16_000
KEPT = 4 * RATE
"""Samples of the past that are kept: the longest delay, what is compared, and the stretch in which it is looked for."""
STEP = RATE // 100
"""Samples of one step of an envelope, 10 ms."""
LONGEST_DELAY = 200
"""Steps; the longest delay of an echo, 2 s."""
COMPARED = 100
"""Steps that are compared: 1 s of sound."""
ALIKE = 0.65
"""Correlation of the envelopes from which the sound is our echo: finds all echoes, and takes 4 % of voices for one."""
FIRST_TIMES, MOVED_TIMES = 2, 6
"""How often in a row a delay must be found to be believed: the first one, and another one later."""
_ACTIVE = 30
"""Steps with sound that there must be in what was played for it to be compared."""
_FLOOR = 100.0
"""Power of one sample that is silence: -70 dBFS."""
_SOUND = float(np.log(2 * _FLOOR))
"""Level of an envelope from which there is sound."""
_NEAR = 3
"""Steps by which the delay may be wrong."""

Floats = NDArray[np.float64]


class SoundHistory:
    """The last seconds of a sound, addressed by time."""

    def __init__(self) -> None:
        self._samples = np.zeros(KEPT, np.int16)
        self._end = 0
        """The number of the sample after the last one, from the beginning of the session."""

    def put(self, pts: int, samples: Samples) -> None:
        """Sets the sound from a time on; what lies between is silence."""
        begin = max(pts * RATE // SECOND, 0)
        if 0 < self._end - begin < STEP or 0 < begin - self._end < STEP:
            begin = self._end  # the same sound goes on: its packets came with a little jitter
        self._advance(begin + samples.size)
        index = np.arange(begin, begin + samples.size)[-KEPT:] % KEPT
        self._samples[index] = samples[-KEPT:]

    def get(self, begin: int, count: int) -> Samples:
        """`count` samples from one with this number on; silence where nothing is known."""
        numbers = np.arange(begin, begin + count)
        known = (numbers < self._end) & (numbers >= self._end - KEPT) & (numbers >= 0)
        found: Samples = np.where(known, self._samples[numbers % KEPT], 0).astype(np.int16)
        return found

    def _advance(self, end: int) -> None:
        if end <= self._end:
            return
        fresh = np.arange(max(self._end, end - KEPT), end)
        self._samples[fresh % KEPT] = 0
        self._end = end


class EchoReference:
    """What was played, and the delay of its echo."""

    def __init__(self) -> None:
        self._played = SoundHistory()
        self._heard = SoundHistory()
        self._left = SoundHistory()
        self.delay: int | None = None
        """Nanoseconds from playing until it is heard; None until an echo has been found."""
        self.is_echo = False
        """Whether what the canceller left of the last second is still an echo of what was played."""
        self._last = -(10**18)
        self._proposed = 0
        self._times = 0
        """How often in a row that delay, in steps, was found."""

    def play(self, pts: int, samples: Samples, rate: int) -> None:
        """Takes what is played from a time on, at a rate in Hz."""
        self._played.put(pts, samples if rate == RATE else soxr.resample(samples, rate, RATE, "QQ"))
        self._last = pts

    def hear(self, pts: int, samples: Samples) -> None:
        """Takes what the microphone hears from a time on, at 16 kHz."""
        self._heard.put(pts, samples)

    def leave(self, pts: int, samples: Samples) -> None:
        """Takes what the canceller left of that."""
        self._left.put(pts, samples)

    def silent_since(self, now: int) -> int:
        """Nanoseconds since something was played."""
        return now - self._last

    def played(self, pts: int, count: int) -> Samples:
        """`count` samples that were played from a time on."""
        return self._played.get(pts * RATE // SECOND, count)

    def compare(self, now: int) -> None:
        """Looks for an echo in the last second, all of which has been heard and left by now."""
        end = now * RATE // SECOND
        begin, count = end - COMPARED * STEP, COMPARED * STEP
        stretch = (COMPARED + LONGEST_DELAY) * STEP
        windows = np.lib.stride_tricks.sliding_window_view(
            _envelope(self._played.get(end - stretch, stretch)), COMPARED
        )
        active = (windows > _SOUND).sum(axis=1) >= _ACTIVE
        likeness = np.where(active, _correlation(windows, _envelope(self._heard.get(begin, count))), 0)
        best = int(np.argmax(likeness))
        if likeness[best] > ALIKE:
            self._propose(LONGEST_DELAY - best)
        else:
            self._times = 0
        self.is_echo = False
        if self.delay is not None:
            left = _envelope(self._left.get(begin, count))
            near = slice(max(0, LONGEST_DELAY - self.delay // (10 * MILLISECOND) - _NEAR), None)
            lags = windows[near][: 2 * _NEAR + 1]
            self.is_echo = (left > _SOUND).sum() >= _ACTIVE and bool(_correlation(lags, left).max() > ALIKE)

    def _propose(self, steps: int) -> None:
        """Takes a delay that was found, once it was found again: a voice over the echo is like something by chance."""
        self._times = self._times + 1 if abs(steps - self._proposed) <= _NEAR else 1
        self._proposed = steps
        if self._times >= (FIRST_TIMES if self.delay is None else MOVED_TIMES):
            self.delay = steps * 10 * MILLISECOND


def _envelope(samples: Samples) -> Floats:
    """The logarithm of the power of each 10 ms, with a floor."""
    steps = samples.reshape(-1, STEP).astype(np.float64)
    levels: Floats = np.log(np.mean(steps**2, axis=1) + _FLOOR)
    return levels


def _correlation(windows: Floats, heard: Floats) -> Floats:
    """Pearson's correlation of each window with what was heard."""
    windows = windows - windows.mean(axis=1, keepdims=True)
    heard = heard - heard.mean()
    norm = np.sqrt((windows**2).sum(axis=1) * (heard**2).sum())
    found: Floats = windows @ heard / np.maximum(norm, 1e-9)
    return found
