"""A misspelt word must be answered with the right one."""

from __future__ import annotations

from pipeline.suggest import did_you_mean, listing


def test_did_you_mean_names_the_nearest_word() -> None:
    """Without it a person compares letters."""
    assert did_you_mean("vad.webrct", ["vad.energy", "vad.webrtc"]) == "did you mean `vad.webrtc`?"


def test_did_you_mean_ignores_case() -> None:
    """A wrong shift key is the smallest mistake."""
    assert did_you_mean("DETECTOR", ["Detector"]) == "did you mean `Detector`?"


def test_did_you_mean_suggests_nothing_that_is_not_near() -> None:
    """A wild guess sends people the wrong way."""
    assert did_you_mean("kitchen", ["vad.energy"]) == ""
    assert did_you_mean("", ["vad.energy"]) == ""


def test_listing_of_an_empty_list_says_nothing() -> None:
    """`expected:` with nothing after it would look like a fault of ours."""
    assert listing([]) == "nothing"
    assert listing(["a", "b"]) == "a, b"
