"""Text must become a tree that knows its places, within bounds, by YAML 1.2."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GraphError, Location
from pipeline.graph.tree import List, Map, Scalar, Value, plain
from pipeline.graph.yaml import MAX_BYTES, parse, read_text, scalar_value


def read(text: str) -> object:
    """The plain value of a text."""
    return plain(parse(text, "f"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("7", 7),
        ("-7", -7),
        ("010", 10),
        ("0o17", 15),
        ("0xff", 255),
        ("16_000", "16_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".", "."),
        ("-", "-"),
        ("9" * 40, "9" * 40),
        ("200ms", "200ms"),
    ],
)
def test_yaml_scalars_follow_yaml_1_2(text: str, value: Value) -> None:
    """`language: no` is Norwegian, and a time of day is no number in base 60."""
    assert scalar_value(text) == value
    assert type(scalar_value(text)) is type(value)


def test_yaml_keys_and_values_have_locations() -> None:
    """Errors point at the word that is wrong."""
    tree = parse("a: 1\nb:\n  - {c: two}\n", "f.yaml")
    assert isinstance(tree, Map)
    assert tree.entries["b"].where == Location("f.yaml", 2, 1)
    items = tree.get("b")
    assert isinstance(items, List)
    inner = items.items[0]
    assert isinstance(inner, Map)
    assert inner.entries["c"].where == Location("f.yaml", 3, 6)
    assert inner.entries["c"].value.where == Location("f.yaml", 3, 9)


def test_yaml_quoted_scalars_are_text() -> None:
    """`model: "7"` is the name of a model."""
    assert read("a: '7'\nb: \"true\"\nc: !!str 7\n") == {"a": "7", "b": "true", "c": "7"}


def test_yaml_1_1_directive_does_not_enable_yaml_1_1_booleans() -> None:
    """One line at the top must not change what a graph means."""
    assert read("%YAML 1.1\n---\na: no\n") == {"a": "no"}


def test_yaml_block_text_keeps_its_lines() -> None:
    """Prompts are written so."""
    assert read("a: |\n  one\n  two\n") == {"a": "one\ntwo\n"}


def test_yaml_location_within_plain_text_is_a_column() -> None:
    """A chain is one value, yet its third node must be pointed at; quoted text has escapes, so there it cannot be."""
    plain_one, quoted = parse("- abc\n- 'abc'\n", "f").items  # type: ignore[union-attr]
    assert isinstance(plain_one, Scalar)
    assert isinstance(quoted, Scalar)
    assert plain_one.column(2) == Location("f", 1, 5)
    assert quoted.column(2) == Location("f", 2, 3)


def test_yaml_merge_keys_fill_in_missing_keys() -> None:
    """`x-usual` and `<<` spare repetition; what is written in place wins, wherever it stands."""
    text = "x-a: &a {p: 1, q: 1}\nx-b: &b {q: 2, r: 2}\nnode:\n  p: 9\n  <<: [*a, *b]\n"
    assert read(text)["node"] == {"p": 9, "q": 1, "r": 2}  # type: ignore[index]


def test_yaml_aliases_repeat_values() -> None:
    """An anchor is a name for a value, of any shape; also for a key."""
    assert read("a: &x [1]\nb: *x\nc: &k k\n*k : 2\n") == {"a": [1], "b": [1], "c": "k", "k": 2}


def test_yaml_empty_text_is_an_empty_mapping() -> None:
    """An empty file is answered by the loader, in words."""
    assert read("") == {}
    assert read("# nothing\n") == {}


def test_yaml_size_after_alias_expansion_is_bounded() -> None:
    """Nine short lines that stand for a thousand million values must not fill the memory."""
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(GraphError, match="too large"):
        parse("\n".join(lines), "f")


def test_yaml_nesting_depth_is_bounded() -> None:
    """Deep nesting must not end in a RecursionError."""
    with pytest.raises(GraphError, match="nested too deeply"):
        parse("[" * 5_000, "f")


def test_yaml_file_that_is_too_large_is_refused_before_reading(tmp_path: Path) -> None:
    """A recording given by mistake is refused in words."""
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(GraphError, match="too large"):
        read_text(file)


def test_yaml_file_that_cannot_be_read_gives_the_system_error(tmp_path: Path) -> None:
    """The reason of the system, and no traceback."""
    with pytest.raises(GraphError, match="cannot read the graph: is a directory"):
        read_text(tmp_path)


def test_yaml_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """Some editors write one, and do not show it."""
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_text(file) == "a: 1\n"
