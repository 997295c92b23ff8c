"""Notices when Whisper writes what nobody said.

It loops ("five five five"), and it fills silence with what ended the films that it was
trained on. Each sign here was seen with tiny.en on the recorded clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodes.packets import Samples

TOKENS_A_SECOND = 8.0
"""The fastest speech in the clips has 6."""
SPARE_TOKENS = 10
QUIET = 33
"""Root mean square below which nothing was said: -60 dB below full scale."""

_FILLERS = frozenset({"you", "thank you", "thanks for watching", "thank you for watching", "bye", "the end", "so"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder gave."""

    tokens: tuple[int, ...]
    text: str
    log_probability: float
    """The mean of its tokens, natural."""
    no_speech: float
    """The model's own probability that nobody speaks."""


def most_tokens(seconds: float) -> int:
    """More than this in so much audio is a loop."""
    return SPARE_TOKENS + round(TOKENS_A_SECOND * seconds)


def repeats(tokens: Sequence[int]) -> bool:
    """Whether three or more tokens come twice in a row, or any come four times."""
    count = len(tokens)
    for size in range(1, count // 2 + 1):
        times = 2 if size >= 3 else 4
        run = 0
        for at in range(size, count):
            run = run + 1 if tokens[at] == tokens[at - size] else 0
            if run >= size * (times - 1):
                return True
    return False


def doubtful(decoded: Decoded, seconds: float, least: float) -> bool:
    """Whether the text should be decoded again, from a full window."""
    looped = len(decoded.tokens) >= most_tokens(seconds) or repeats(decoded.tokens)
    return looped or decoded.log_probability < least


def nobody_spoke(decoded: Decoded, no_speech: float, least: float) -> bool:
    """Whether the text is what the model makes of silence or noise."""
    words = decoded.text.strip(" .!?").lower()
    if decoded.no_speech > no_speech and decoded.log_probability < least:
        return True
    return words in _FILLERS and (decoded.no_speech > no_speech / 2 or decoded.log_probability < least)


def quiet(samples: Samples) -> bool:
    """Whether there is nothing to hear."""
    return not samples.size or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < QUIET
