"""Values as YAML: quoted only where needed, and read back as the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.graph.tree import plain
from pipeline.graph.yaml import parse
from vitagraph.graph_tools.text import spell

SPELLED = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (0.5, "0.5"),
        ("200ms", "200ms"),
        ("caller -> vad.speech", "caller -> vad.speech"),
        ("no", "no"),
        ("true", '"true"'),
        ("7", '"7"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("two\nlines", '"two\\nlines"'),
        (["a", 1], "[a, 1]"),
        ({"a": [None]}, "{a: [null]}"),
    ],
)
def test_spell_quotes_values_only_where_needed(value: Any, text: str) -> None:
    """Quotes only where they are needed."""
    assert spell(value) == text


@settings(deadline=None)
@given(SPELLED)
def test_spell_round_trips_through_the_parser(value: Any) -> None:
    """What `check --resolved` and the reference print can be pasted into a graph."""
    if value == {} or (isinstance(value, dict) and "<<" in value):
        return
    assert plain(parse(spell([value]), "f")) == [value]
