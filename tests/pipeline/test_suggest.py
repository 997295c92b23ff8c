"""A misspelt word must be answered with the right one."""

from __future__ import annotations

from pipeline.suggest import did_you_mean, listing


def test_the_nearest_word_is_named() -> None:
    """Without it a person compares letters."""
    assert did_you_mean("vad.webrct", ["vad.energy", "vad.webrtc"]) == "did you mean `vad.webrtc`?"


def test_case_does_not_matter() -> None:
    """A wrong shift key is the smallest mistake."""
    assert did_you_mean("DETECTOR", ["Detector"]) == "did you mean `Detector`?"


def test_nothing_is_named_that_is_not_near() -> None:
    """A wild guess sends people the wrong way."""
    assert did_you_mean("kitchen", ["vad.energy"]) == ""
    assert did_you_mean("", ["vad.energy"]) == ""


def test_an_empty_list_says_so() -> None:
    """`expected:` with nothing after it would look like a fault of ours."""
    assert listing([]) == "nothing"
    assert listing(["a", "b"]) == "a, b"
