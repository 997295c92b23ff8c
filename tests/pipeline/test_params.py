"""Params: durations as people write them, and what a node may declare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.params import Duration, NoParams, Params, ms, parse_duration, seconds, show_duration


class Timed(Params):
    """Params with a duration."""

    release: Duration = ms(120)
    """Silence after which it is over."""
    count: int = 3


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("200ms", 200_000_000),
        ("1.5s", 1_500_000_000),
        ("2m", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("250us", 250_000),
        ("0s", 0),
        (" 40 ms ", 40_000_000),
        ("0.1ms", 100_000),
        (40, 40),
    ],
)
def test_duration_is_a_number_and_a_unit(text: str | int, ns: int) -> None:
    """What a person writes is what the node waits."""
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        *("200", "ms", "", "1 fortnight", "-3s", "1e3s", "3s 2ms", ".5s", "1,5s", "2M", f"{'9' * 400}h"),
        *(1.5, True, None, ["2s"]),
    ],
)
def test_duration_that_is_invalid_shows_valid_examples(text: object) -> None:
    """A forgotten unit is told, not guessed."""
    with pytest.raises(ValueError, match=r"such as 200ms, 1\.5s or 2m") as raised:
        parse_duration(text)
    assert repr(text) in str(raised.value)


@given(st.integers(0, 10**15))
@example(0)
@example(1_500_000_000)
@example(90_000_000_000)
def test_duration_round_trips_through_its_text(ns: int) -> None:
    """A graph that is written out and read again waits as long, to a microsecond in eleven days."""
    shown = parse_duration(show_duration(ns - ns % 1000))
    assert shown == ns - ns % 1000


def test_duration_is_shown_in_its_shortest_exact_form() -> None:
    """200ms, not 0.2s."""
    shown = [show_duration(ns) for ns in (ms(200), seconds(90), seconds(120), seconds(7200), 250_000, ms(1500), 0)]
    assert shown == ["200ms", "90s", "2m", "2h", "250us", "1500ms", "0ms"]


def test_duration_as_a_small_bare_number_is_refused() -> None:
    """`release: 200` would be 200 nanoseconds."""
    with pytest.raises(ValidationError, match="did you mean 200ms"):
        Timed(release=200)
    assert Timed(release=ms(200)).release == ms(200)
    assert Timed(release=0).release == 0
    assert Timed.model_validate({"release": "200ms"}).release == ms(200)


def test_params_are_written_with_units() -> None:
    """What `schema` and the reference show is what YAML takes."""
    assert Timed().model_dump() == {"release": "120ms", "count": 3}
    properties = Timed.model_json_schema(mode="validation")["properties"]
    assert properties["release"]["type"] == "string"
    assert properties["release"]["description"] == "Silence after which it is over."


def test_params_reject_undeclared_fields() -> None:
    """Two sessions share them; and a misspelt parameter is an error, not ignored."""
    with pytest.raises(ValidationError, match="frozen"):
        Timed().count = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Timed.model_validate({"relase": "3s"})
    with pytest.raises(ValidationError):
        NoParams.model_validate({"anything": 1})


@pytest.mark.parametrize("word", ["use", "fallback", "deadline", "limit", "cache", "retry", "breaker", "on_error"])
def test_params_may_not_declare_reserved_words(word: str) -> None:
    """Else `fallback:` in a graph could mean two things."""
    with pytest.raises(TypeError, match=f"Bad declares \\['{word}'\\]: words of the graph language"):
        type("Bad", (Params,), {"__annotations__": {word: int}, word: 1})


class Typed(Params):
    """Params of every kind of value."""

    default: int = 3
    """Named like a part of pydantic's own schema."""
    share: float = 0.5
    switch: bool = False
    label: str = "a"
    names: tuple[str, ...] = ()
    file: Path | None = None
    by_number: dict[int, dict[str, int]] = {1: {"type": 1}}


@pytest.mark.parametrize(
    "given",
    [
        *({"default": value} for value in (True, "2", 2.0)),
        *({"share": value} for value in (True, "0.5")),
        *({"switch": value} for value in (1, "true")),
        {"label": 1},
        {"names": [1]},
        {"file": 1},
        {"by_number": {"1": {"a": "2"}}},
    ],
)
def test_params_do_not_coerce_scalars(given: dict[str, Any]) -> None:
    """1 is not true, and the text "2" is no number: a value of another type is a mistake."""
    with pytest.raises(ValidationError):
        Typed.model_validate(given)


def test_params_accept_the_forms_that_yaml_has_for_other_types() -> None:
    """A list becomes a tuple, text a path, and the text keys of a mapping numbers."""
    made = Typed.model_validate({"share": 1, "names": ["a"], "file": "a/b", "by_number": {"2": {"a": 1}}})
    assert (made.share, made.names, made.file, made.by_number) == (1.0, ("a",), Path("a/b"), {2: {"a": 1}})
    assert Typed().by_number == {1: {"type": 1}}
