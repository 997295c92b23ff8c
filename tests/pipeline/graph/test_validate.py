"""Parameters must be what their class says: no more, no less, no other type."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import pytest
from pydantic import Field

from pipeline.errors import GraphError, Location
from pipeline.graph.interpolate import from_shell
from pipeline.graph.problems import GraphErrors
from pipeline.graph.tree import Map, MapEntry
from pipeline.graph.validate import validated
from pipeline.graph.yaml import parse
from pipeline.params import Duration, Params, ms
from tests.pipeline.graph.some_nodes import Band, DetectorParams

P = TypeVar("P", bound=Params)


def check(params: type[P], text: str) -> P:
    """The parameters that a text gives."""
    given = parse(text, "g")
    assert isinstance(given, Map)
    return validated(params, given, "x.y", Location("g", 1, 1))


def fault(params: type[Params], text: str) -> GraphError:
    """What is said of a text."""
    with pytest.raises(GraphError) as raised:
        check(params, text)
    error = raised.value
    return error.errors[0] if isinstance(error, GraphErrors) and len(error.errors) == 1 else error


def test_params_validation_reads_every_type() -> None:
    """The forms that YAML has, into the types that Python has."""
    made = check(
        DetectorParams,
        "aggressiveness: 0\nrelease: 1.5s\nattack: null\nweight: 2\nadaptive: false\n"
        "bands: [{low: 1}, {high: 2}]\nlabel: no\ntable: a/b\nreplies: {a: b}\n",
    )
    assert made == DetectorParams(
        aggressiveness=0,
        release=1_500_000_000,
        weight=2.0,
        adaptive=False,
        bands=(Band(low=1), Band(high=2)),
        label="no",
        table=Path("a/b"),
        replies={"a": "b"},
    )


@pytest.mark.parametrize(
    "text",
    ["aggressiveness: true", "aggressiveness: '1'", "aggressiveness: 1.5", "adaptive: 1", "label: 1", "table: 1"],
)
def test_params_validation_does_not_coerce_types(text: str) -> None:
    """`true` is not 1: a value of the wrong type is a misunderstanding to be cleared up."""
    assert "wrong value" in fault(DetectorParams, text).message


def test_params_validation_reports_all_errors_at_once() -> None:
    """Three mistakes are one round."""
    error = fault(DetectorParams, "aggressivenes: 1\nweight: 0\nmode: slow\n")
    assert isinstance(error, GraphErrors)
    assert len(error.errors) == 3


class _Many(Params):
    size: Literal["small", "large"] | int = 3
    """A union of unlike things."""
    wait: Duration = Field(ms(200), gt=0, le=ms(500))
    """A bounded duration."""
    pair: tuple[int, str] = (1, "a")
    """A pair."""
    name: str = Field("a", min_length=1)
    """Not empty."""
    code: str = Field("en", pattern="^[a-z]{2}$")
    """Two letters."""
    share: float = Field(0.5, ge=0, lt=1)
    """Less than all."""


@pytest.mark.parametrize(
    ("text", "expected", "found", "hint"),
    [
        ("size: smal", "`small` or `large` or a whole number", "the text 'smal'", "did you mean `small`?"),
        ("wait: 0ms", "a duration such as 200ms, above 0ms", "the text '0ms'", ""),
        ("wait: 2s", "a duration such as 200ms, at most 500ms", "the text '2s'", ""),
        ("wait: 20", "a duration such as 200ms", "the number 20", "a duration needs a unit: did you mean 20ms?"),
        ("name: ''", "text that is not empty", "the text ''", ""),
        ("code: english", "text that matches `^[a-z]{2}$`", "the text 'english'", ""),
        ("share: 1", "a number, at least 0 and below 1", "the number 1", ""),
    ],
)
def test_params_validation_error_says_what_was_expected(text: str, expected: str, found: str, hint: str) -> None:
    """Errors are readable without knowing the validation library."""
    error = fault(_Many, text)
    assert (error.expected, error.found, error.hint) == (expected, found, hint)


def test_params_validation_error_names_a_parameter_with_a_union_type() -> None:
    """The arms of the union are named by the validation library, not by the graph."""
    assert fault(_Many, "size: smal").message == "wrong value for `size` of `x.y`"


@pytest.mark.parametrize(("name", "read"), [("label", "5"), ("table", Path("5"))])
def test_shell_value_is_text_where_a_parameter_is_text(name: str, read: str | Path) -> None:
    """`--set vad.table=5` names a file."""
    where = Location("--set")
    given = Map({name: MapEntry(from_shell("5", where), where)}, where)
    assert getattr(validated(DetectorParams, given, "x.y", where), name) == read


def test_params_validation_ignores_private_keys() -> None:
    """They are the author's own, in every mapping of the language."""
    assert check(DetectorParams, "x-why: because\nlabel: a\n") == DetectorParams(label="a")


def test_params_validation_error_names_the_list_item() -> None:
    """In a long list the fault must not be searched for."""
    error = fault(DetectorParams, "bands:\n  - low: 1\n  - low: x\n")
    assert error.message == "wrong value for `bands[1].low` of `x.y`"
    assert error.where == Location("g", 3, 10)


def test_params_validation_error_locates_a_tuple_of_wrong_length() -> None:
    """Whatever a class declares, the answer has a place."""
    assert fault(_Many, "pair: [1]").where is not None
    assert fault(_Many, "pair: [1, a, b]").where is not None


class _Inner(Params):
    path: str
    """Where it is."""


class _Outer(Params):
    inner: _Inner
    """Has a required part."""


def test_params_validation_error_names_the_missing_nested_field() -> None:
    """`needs inner` would send people to the wrong line."""
    error = fault(_Outer, "inner: {}")
    assert (error.message, error.hint) == ("`x.y` needs `inner.path`", "Where it is.")
    assert fault(_Outer, "{}").message == "`x.y` needs `inner`"
