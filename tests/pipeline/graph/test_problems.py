"""All that is wrong must be told at once, each thing once."""

from __future__ import annotations

import pytest

from pipeline.errors import GraphError, Location
from pipeline.graph.problems import GraphErrors, Problems


def test_problems_raises_a_single_error_unwrapped() -> None:
    """A single mistake is not made to look like a list."""
    problems = Problems()
    only = GraphError("only")
    problems.add(only)
    with pytest.raises(GraphError) as raised:
        problems.raise_all()
    assert raised.value is only


def test_problems_are_sorted_by_file_position() -> None:
    """A reader mends from the top down."""
    problems = Problems()
    for line in (9, 2, 5):
        with problems.collect():
            raise GraphError(f"line {line}", where=Location("g", line, 1))
    with pytest.raises(GraphErrors) as raised:
        problems.raise_all()
    assert str(raised.value) == "g:2:1: line 2\ng:5:1: line 5\ng:9:1: line 9"
    assert raised.value.where == Location("g", 2, 1)


def test_problems_drop_duplicate_errors() -> None:
    """A misspelt node in the middle of a chain is an end of two links."""
    problems = Problems()
    problems.add(GraphErrors([GraphError("twice"), GraphError("twice"), GraphError("once")]))
    with pytest.raises(GraphErrors) as raised:
        problems.raise_all()
    assert [each.message for each in raised.value.errors] == ["twice", "once"]


def test_problems_raise_nothing_when_empty() -> None:
    """A correct graph loads."""
    Problems().raise_all()
