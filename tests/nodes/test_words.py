"""Completeness of texts: a wrong result cuts people off or keeps them waiting."""

from __future__ import annotations

import pytest

from nodes.words import completeness, is_backchannel


@pytest.mark.parametrize("text", ["Mm-hm.", "uh huh", "Yeah, yeah.", "OK", "I see.", "Oh, okay."])
def test_backchannel_includes_listening_sounds(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["", "No.", "Stop.", "Yeah, but why?", "wait", "okay stop"])
def test_backchannel_excludes_meaningful_words(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("What time is it?", 1),
        ("I am fine.", 1),
        ('He said "no."', 1),
        ("tell me more", 0.5),
        ("I want to go to the", 0),
        ("Well, because", 0),
        ("I was thinking...", 0),
        ("first,", 0),
        ("", 0),
    ],
)
def test_completeness_scores_the_end_of_a_text(text: str, score: float) -> None:
    assert completeness(text) == score
