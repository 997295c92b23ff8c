"""Single values of the language: words, durations, text; each with its error."""

from __future__ import annotations

from typing import TypeVar

from pipeline.errors import GraphError, did_you_mean
from pipeline.graph.tree import Scalar, Tree, found, is_null
from pipeline.params import parse_duration

W = TypeVar("W", bound=str)


def wrong_value(name: str, value: Tree, expected: str, hint: str = "") -> GraphError:
    """What is said of a value that cannot be."""
    return GraphError(f"wrong value for `{name}`", where=value.where, expected=expected, found=found(value), hint=hint)


def word_of(name: str, value: Tree, words: tuple[W, ...]) -> W:
    """One of a few words."""
    for word in words:
        if isinstance(value, Scalar) and value.value == word:
            return word
    hint = did_you_mean(value.text, words) if isinstance(value, Scalar) else ""
    raise wrong_value(name, value, " or ".join(words), hint)


def duration_of(name: str, value: Tree) -> int:
    """The nanoseconds of `200ms`; more than nothing."""
    if isinstance(value, Scalar) and isinstance(value.value, str):
        try:
            if nanoseconds := parse_duration(value.value):
                return nanoseconds
        except (ValueError, OverflowError) as error:
            raise _no_duration(name, value) from error
    raise _no_duration(name, value)


def _no_duration(name: str, value: Tree) -> GraphError:
    return wrong_value(name, value, "a duration such as 200ms")


def text_of(name: str, value: Tree | None) -> str:
    """Any text; nothing is empty text."""
    if value is None or is_null(value):
        return ""
    if not isinstance(value, Scalar):
        raise wrong_value(name, value, "text")
    return value.text
