"""Texts that nobody said must not reach the dialogue; texts that somebody said must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.asr._guards import Decoded, doubtful, most_tokens, nobody_spoke, quiet, repeats


def decoded(text: str = "hello", *, count: int = 4, mean: float = -0.2, silence: float = 0.0) -> Decoded:
    return Decoded(tuple(range(count)), text, mean, silence)


@pytest.mark.parametrize(
    "tokens",
    [[7, 7, 7, 7], [1, 2, 3, 1, 2, 3], [9, 1, 2, 1, 2, 1, 2, 1, 2], [5, 1, 2, 3, 4, 1, 2, 3, 4, 6]],
)
def test_loops_are_noticed(tokens: list[int]) -> None:
    assert repeats(tokens)


@pytest.mark.parametrize("tokens", [[], [1], [7, 7], [7, 7, 7], [1, 2, 1, 2], [1, 2, 3, 4, 1, 2]])
def test_ordinary_repetition_is_speech(tokens: list[int]) -> None:
    """`Five five`, `no, no, no` and `very very good` are said by people."""
    assert not repeats(tokens)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=8, unique=True), st.integers(0, 5))
def test_any_block_twice_in_a_row_is_a_loop(block: list[int], lead: int) -> None:
    assert repeats([100 + n for n in range(lead)] + block * 2)


def test_too_many_tokens_for_the_audio_are_doubtful() -> None:
    assert doubtful(decoded(count=most_tokens(1.0)), 1.0, -1.0)
    assert not doubtful(decoded(count=most_tokens(1.0) - 1), 1.0, -1.0)


def test_unlikely_text_is_doubtful() -> None:
    assert doubtful(decoded(mean=-1.2), 5.0, -1.0)


def test_silence_of_the_model_needs_both_signs() -> None:
    assert nobody_spoke(decoded(mean=-1.5, silence=0.8), 0.6, -1.0)
    assert not nobody_spoke(decoded(mean=-0.2, silence=0.8), 0.6, -1.0)
    assert not nobody_spoke(decoded(mean=-1.5, silence=0.1), 0.6, -1.0)


def test_film_endings_over_silence_are_not_speech() -> None:
    assert nobody_spoke(decoded(" Thank you.", silence=0.4), 0.6, -1.0)
    assert not nobody_spoke(decoded("Thank you.", silence=0.02), 0.6, -1.0)


def test_quiet() -> None:
    assert quiet(np.zeros(0, np.int16)) and quiet(np.full(100, 3, np.int16))
    assert not quiet(np.array([1000, -1000] * 50, np.int16))
