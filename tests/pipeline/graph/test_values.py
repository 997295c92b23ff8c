"""Single values of the language must be read exactly, and refused with what would be right."""

from __future__ import annotations

import pytest

from pipeline.errors import GraphError
from pipeline.graph.values import duration_of, text_of, word_of
from pipeline.graph.yaml import parse


@pytest.mark.parametrize(
    ("text", "nanoseconds"), [("200ms", 200_000_000), ("1.5s", 1_500_000_000), ("2m", 120 * 10**9)]
)
def test_duration_value_with_unit_is_read(text: str, nanoseconds: int) -> None:
    """A budget of 700 nanoseconds would never be kept."""
    assert duration_of("time", parse(text, "f")) == nanoseconds


@pytest.mark.parametrize("text", ["200", "0ms", "-3s", "soon", "[]", "true", f"{'9' * 400}h"])
def test_duration_value_without_unit_is_refused(text: str) -> None:
    """A number without a unit is a question, not an answer."""
    with pytest.raises(GraphError, match="wrong value for `time`") as raised:
        duration_of("time", parse(text, "f"))
    assert raised.value.expected == "a duration such as 200ms"


def test_enumerated_word_is_read_or_refused_with_a_suggestion() -> None:
    """The wrong word is answered with all the right ones and the nearest."""
    assert word_of("full", parse("latest", "f"), ("block", "latest")) == "latest"
    with pytest.raises(GraphError) as raised:
        word_of("full", parse("latset", "f"), ("block", "latest"))
    assert (raised.value.expected, raised.value.hint) == ("block or latest", "did you mean `latest`?")


def test_text_value_may_look_like_a_number() -> None:
    """A description is text whatever it looks like."""
    assert text_of("description", parse("2001", "f")) == "2001"
    assert text_of("description", parse("~", "f")) == ""
    assert text_of("description", None) == ""
