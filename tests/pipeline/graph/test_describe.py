"""Schemas must come out in words and with defaults as a graph spells them."""

from __future__ import annotations

from pipeline.graph.describe import defaults, expected, schema_at
from pipeline.params import NoParams
from tests.pipeline.graph.some_nodes import DetectorParams


def test_params_defaults_are_spelled_as_in_a_graph() -> None:
    """A reader expects 120ms, not 120000000."""
    made = defaults(DetectorParams)
    assert made["release"] == "120ms"
    assert made["bands"] == []
    assert made["table"] is None
    assert defaults(NoParams) == {}


def test_nested_params_are_described() -> None:
    """An error deep inside says what belongs there."""
    assert expected(DetectorParams, ("bands",)) == "a list, each a mapping with low, high"
    assert expected(DetectorParams, ("bands", 0, "low")) == "a whole number"
    assert expected(DetectorParams, ("replies", "hello")) == "text"
    assert schema_at(DetectorParams, ("bands", 0, "low"))["description"] == "Hz."


def test_unknown_param_path_is_described_by_its_last_known_part() -> None:
    """The arms of a union have names that no schema knows."""
    assert expected(DetectorParams, ("attack", "int")) == "a duration such as 200ms or null"
