"""Detects text that Whisper hallucinates.

Whisper loops ("five five five", or the whole sentence again), and it fills silence with
the closing lines of the films it was trained on. Every sign checked here was observed with
tiny.en and base on recorded and synthetic speech, noise, hums, tones and clicks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodes.packets import Samples

TOKENS_A_SECOND = 8.0
"""Upper bound for real speech: the fastest clip has 6."""
TOKENS_A_SECOND_CHINESE = 14.0
"""The same for Chinese: five characters a second, many of which are two tokens or three."""
SPARE_TOKENS = 10
"""Tokens allowed on top of that, for very short utterances."""
QUIET = 33
"""Root mean square below which audio counts as silence: -60 dBFS."""

_NOT_WORDS = re.compile(r"[^\w']+")
_FILLERS = frozenset({"you", "thank you", "thanks for watching", "thank you for watching", "bye", "the end", "so"})
_CHINESE_FILLERS = ("谢谢观看", "谢谢大家", "点赞", "字幕", "以下是普通话的句子", "优优独播剧场")
"""Credits of the films; the prompt is repeated as well."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One result of the decoder."""

    tokens: tuple[int, ...]
    text: str
    log_probability: float
    """Mean natural log probability of the tokens."""
    no_speech: float
    """The probability of silence that the model reports."""


def token_limit(seconds: float, language: str = "en") -> int:
    """The largest plausible number of tokens for so many seconds; more is a loop."""
    return SPARE_TOKENS + round((TOKENS_A_SECOND_CHINESE if language == "zh" else TOKENS_A_SECOND) * seconds)


def repeats_tokens(tokens: Sequence[int]) -> bool:
    """Whether a run of three or more tokens occurs twice in a row, or a shorter one four times."""
    count = len(tokens)
    for size in range(1, count // 2 + 1):
        times = 2 if size >= 3 else 4
        run = 0
        for at in range(size, count):
            run = run + 1 if tokens[at] == tokens[at - size] else 0
            if run >= size * (times - 1):
                return True
    return False


def repeats_words(text: str) -> bool:
    """Whether words repeat directly, or the text ends with the words it began with.

    People repeat themselves too ("no, no, I said no"), so this justifies another decoding
    pass but is no proof.
    """
    words = _NOT_WORDS.sub(" ", text.lower()).split()
    count = len(words)
    for size in range(1, count // 2 + 1):
        if words[:size] == words[-size:]:
            return True
        if any(words[at : at + size] == words[at + size : at + 2 * size] for at in range(count - 2 * size + 1)):
            return True
    return False


def exceeds_token_limit(decoded: Decoded, seconds: float, language: str = "en") -> bool:
    """Whether decoding stopped at the token limit, which real speech cannot reach: a certain loop."""
    return len(decoded.tokens) >= token_limit(seconds, language)


def is_doubtful(decoded: Decoded, seconds: float, least: float, language: str = "en") -> bool:
    """Whether to decode again with a full window."""
    looped = (
        exceeds_token_limit(decoded, seconds, language) or repeats_tokens(decoded.tokens) or repeats_words(decoded.text)
    )
    return looped or not decoded.text or decoded.log_probability < least


def may_be_silence(decoded: Decoded, no_speech: float, least: float) -> bool:
    """Whether the text may come from silence or noise, so that a voice detector must decide."""
    words = _NOT_WORDS.sub(" ", decoded.text.lower()).strip()
    filler = words in _FILLERS or any(map(words.__contains__, _CHINESE_FILLERS))
    return not words or filler or decoded.no_speech > no_speech or decoded.log_probability < least


def is_silent(samples: Samples) -> bool:
    """Whether the audio is silence."""
    return not samples.size or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < QUIET
