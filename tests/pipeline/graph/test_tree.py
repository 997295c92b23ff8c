"""Values must be read exactly, named in words that a person uses, and refused with what would be right."""

from __future__ import annotations

import pytest

from pipeline.errors import GraphError
from pipeline.graph.tree import Map, found, is_null, text_of, word_of
from pipeline.graph.yaml import parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "the number 5"),
        ("0x10", "the number 0x10"),
        ("true", "true"),
        ("FALSE", "false"),
        ("'true'", "the text 'true'"),
        ("~", "nothing"),
        ("{}", "an empty mapping"),
        ("{a: 1}", "a mapping"),
        ("[]", "an empty list"),
        ("[1]", "a list"),
        ("a" * 80, f"the text '{'a' * 57}...'"),
    ],
)
def test_found_describes_a_value_in_words(text: str, words: str) -> None:
    """`found:` shows what was read, which is not always what was meant."""
    assert found(parse(text, "f")) == words


def test_map_distinguishes_a_missing_key_from_null() -> None:
    """null removes; a key that is not there changes nothing."""
    tree = parse("a:\n", "f")
    assert isinstance(tree, Map)
    assert tree.get("b") is None
    value = tree.get("a")
    assert value is not None
    assert is_null(value)


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
