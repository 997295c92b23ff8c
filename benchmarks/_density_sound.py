"""The recorded sentences of the callers, with their words."""

from __future__ import annotations

from functools import cache

from benchmarks.asr import clips, normal, samples_of
from nodes.models import pull
from nodes.packets import Samples


@cache
def sentences() -> tuple[tuple[Samples, str], ...]:
    """Samples at 16 kHz, and the words without punctuation and with numbers written out."""
    for name in ("speech-cards", "speech-beckett", "speech-audioeval", "speech-librivox"):
        pull(name)
    return tuple((samples_of(file), normal(words)) for file, words in clips())
