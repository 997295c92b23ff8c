"""Hallucinated text must not reach the dialogue; real speech must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.asr._hallucinations import (
    Decoded,
    exceeds_token_limit,
    is_doubtful,
    is_silent,
    may_be_silence,
    repeats_tokens,
    repeats_words,
    token_limit,
)


def decoded(text: str = "hello", *, count: int = 4, mean: float = -0.2, silence: float = 0.0) -> Decoded:
    return Decoded(tuple(range(count)), text, mean, silence)


@pytest.mark.parametrize(
    "tokens",
    [[7, 7, 7, 7], [1, 2, 3, 1, 2, 3], [9, 1, 2, 1, 2, 1, 2, 1, 2], [5, 1, 2, 3, 4, 1, 2, 3, 4, 6]],
)
def test_hallucination_check_detects_repeated_token_loops(tokens: list[int]) -> None:
    assert repeats_tokens(tokens)


@pytest.mark.parametrize("tokens", [[], [1], [7, 7], [7, 7, 7], [1, 2, 1, 2], [1, 2, 3, 4, 1, 2]])
def test_hallucination_check_accepts_ordinary_repetition(tokens: list[int]) -> None:
    """People do say `five five`, `no, no, no` and `very very good`."""
    assert not repeats_tokens(tokens)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=8, unique=True), st.integers(0, 5))
def test_hallucination_check_detects_any_block_repeated_back_to_back(block: list[int], lead: int) -> None:
    assert repeats_tokens([100 + n for n in range(lead)] + block * 2)


@pytest.mark.parametrize(
    "text",
    [
        "10 of clubs. 10 of clubs.",
        "Okay. Okay.",
        "Can you help me with me? Can you help",
        "Pern off the lights in the kitchen. Pern",
        "No, no, that is not what I meant.",
    ],
)
def test_hallucination_check_flags_repeated_words_for_a_second_look(text: str) -> None:
    """With a short window Whisper repeats a sentence or its beginning; all but the last were observed."""
    assert repeats_words(text)
    assert is_doubtful(decoded(text), 3.0, -1.0)


@pytest.mark.parametrize("text", ["", "Stop.", "seven of clubs", "The quick brown fox jumps over the lazy dog."])
def test_hallucination_check_does_not_flag_distinct_words(text: str) -> None:
    assert not repeats_words(text)


def test_hallucination_check_doubts_too_many_tokens_for_the_audio() -> None:
    assert exceeds_token_limit(decoded(count=token_limit(1.0)), 1.0)
    assert is_doubtful(decoded(count=token_limit(1.0)), 1.0, -1.0)
    assert not is_doubtful(decoded(count=token_limit(1.0) - 1), 1.0, -1.0)


def test_hallucination_check_doubts_unlikely_or_empty_text() -> None:
    assert is_doubtful(decoded(mean=-1.2), 5.0, -1.0)
    assert is_doubtful(decoded(""), 5.0, -1.0)


def test_hallucination_check_looks_for_a_voice_when_the_model_doubts() -> None:
    """Either sign triggers the voice detector; neither is enough to discard words."""
    assert may_be_silence(decoded(mean=-0.2, silence=0.8), 0.6, -1.0)
    assert may_be_silence(decoded(mean=-1.5, silence=0.1), 0.6, -1.0)
    assert not may_be_silence(decoded(mean=-0.2, silence=0.1), 0.6, -1.0)


@pytest.mark.parametrize("text", [" Thank you.", "you", "...", ""])
def test_hallucination_check_flags_film_endings_and_bare_punctuation(text: str) -> None:
    assert may_be_silence(decoded(text), 0.6, -1.0)


def test_hallucination_check_recognises_quiet_audio() -> None:
    assert is_silent(np.zeros(0, np.int16)) and is_silent(np.full(100, 3, np.int16))
    assert not is_silent(np.array([1000, -1000] * 50, np.int16))
