"""Notices when Whisper writes what nobody said.

It loops ("five five five", or the whole sentence once more), and it fills silence with
what ended the films that it was trained on. Each sign here was seen with tiny.en and base
on recorded and synthetic speech, noise, hums, tones and clicks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodes.packets import Samples

TOKENS_A_SECOND = 8.0
"""The fastest speech in the clips has 6."""
SPARE_TOKENS = 10
QUIET = 33
"""Root mean square below which nothing was said: -60 dB below full scale."""

_NOT_WORDS = re.compile(r"[^\w']+")
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


def said_again(text: str) -> bool:
    """Whether some words come twice in a row, or the text ends with the words that it began with.

    People do so too ("no, no, I said no"): it asks for a second look, and proves nothing.
    """
    words = _NOT_WORDS.sub(" ", text.lower()).split()
    count = len(words)
    for size in range(1, count // 2 + 1):
        if words[:size] == words[-size:]:
            return True
        if any(words[at : at + size] == words[at + size : at + 2 * size] for at in range(count - 2 * size + 1)):
            return True
    return False


def overflows(decoded: Decoded, seconds: float) -> bool:
    """Whether it is cut off for its length: nobody speaks so fast, so it is a loop for certain."""
    return len(decoded.tokens) >= most_tokens(seconds)


def doubtful(decoded: Decoded, seconds: float, least: float) -> bool:
    """Whether the text should be decoded again, from a full window."""
    looped = overflows(decoded, seconds) or repeats(decoded.tokens) or said_again(decoded.text)
    return looped or not decoded.text or decoded.log_probability < least


def maybe_unsaid(decoded: Decoded, no_speech: float, least: float) -> bool:
    """Whether it may be what the model makes of silence or noise, so that a voice must be looked for."""
    words = _NOT_WORDS.sub(" ", decoded.text.lower()).strip()
    return not words or words in _FILLERS or decoded.no_speech > no_speech or decoded.log_probability < least


def quiet(samples: Samples) -> bool:
    """Whether there is nothing to hear."""
    return not samples.size or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < QUIET
