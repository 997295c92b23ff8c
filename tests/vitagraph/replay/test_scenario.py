"""The word error rate of scenarios."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitagraph.replay.scenario import word_error_rate

WORDS = st.lists(st.sampled_from(["one", "two", "three", "it's"]), min_size=1, max_size=12).map(" ".join)


@given(WORDS, WORDS)
def test_word_error_rate_agrees_with_jiwer(said: str, heard: str) -> None:
    assert word_error_rate(said, heard) == pytest.approx(jiwer.wer(said, heard))


def test_word_error_rate_ignores_case_and_punctuation() -> None:
    assert word_error_rate("Hello, world!", "hello world") == 0
    assert word_error_rate("It's fine.", "it’s fine") == 0
