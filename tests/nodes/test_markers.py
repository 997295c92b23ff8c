"""What models leave in their answers for programs is neither spoken nor shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.markers import MAX_HELD, MarkerFilter
from tests.growth import check_linear

CASES = json.loads(Path("tests/data/answers/markers.json").read_text(encoding="utf-8"))


def through(text: str, size: int, *, reply: bool = True, thinks: bool | None = None) -> tuple[str, MarkerFilter]:
    """What a filter passes on of a text in pieces of this size."""
    markers = MarkerFilter(reply=reply, thinks=thinks)
    pieces = [markers.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*pieces, markers.finish()]), markers


@pytest.mark.parametrize("case", CASES, ids=[case["kind"] for case in CASES])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_only_the_answer_is_passed_on_however_it_is_cut(case: dict[str, str], size: int) -> None:
    """A caller would hear the model's reasoning, or "less than bar i m underscore end"."""
    assert through(case["text"], size)[0].rstrip() == case["said"].rstrip()


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="<[{◁`\n"), max_size=80), st.integers(1, 9))
def test_text_without_markers_is_passed_on_unchanged(text: str, size: int) -> None:
    """Whatever a model says, its words arrive."""
    assert through(f"Yes. {text}", size)[0] == f"Yes. {text}"


@settings(deadline=None)
@given(st.lists(st.sampled_from([case["text"] for case in CASES] + ["<think>", "</think>", "{", "a "]), max_size=4))
def test_any_mixture_ends_the_same_however_it_is_cut(texts: list[str]) -> None:
    """No state of the filter raises, or keeps what it held."""
    text = "".join(texts)
    assert through(text, 1, reply=False)[0] == through(text, len(text) or 1, reply=False)[0]


def test_word_is_passed_on_when_it_comes() -> None:
    """The voice starts with the first clause; holding words back would delay it."""
    markers = MarkerFilter()
    assert [markers.feed(piece) for piece in ("Paris", " is", " <", "b>", " it", ".")] == [
        "Paris", " is", " ", "<b>", " it", ".",
    ]  # fmt: skip


def test_model_that_begins_with_reasoning_is_known_from_then_on() -> None:
    """Its first answer gives it away; a later one may begin with words that do not."""
    first = "Okay, the user wants the capital.</think>Paris."
    said, markers = through(first, 5)
    assert said == "Paris." and markers.thinks is True
    assert through("France, so Rome is wrong.</think>Paris.", 5, thinks=True)[0] == "Paris."
    assert through("Paris, of course.", 5)[1].thinks is False


def test_story_keeps_its_roles() -> None:
    """Text that is no model's answer may be a play."""
    play = "User: What now?\nAssistant: Nothing."
    assert through(play, 4, reply=False)[0] == play


@pytest.mark.parametrize(
    "text", ["<", "[", "{", '{"name": ', "Okay, the user ", "<think>", "a\nUser", "```", "<|", "]"]
)
def test_filter_takes_linear_time(text: str) -> None:
    """An endpoint that floods a call must not slow down the others."""
    check_linear(lambda size: lambda: through(text * size, 4), MAX_HELD // 8)
