"""A YAML document as a tree in which every key and value has its location in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.errors import GraphError, Location, did_you_mean

Value = str | int | float | bool | None
W = TypeVar("W", bound=str)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `text` is how it was written."""

    value: Value
    text: str
    where: Location
    inline: bool = False
    """Whether the file contains `text` literally, so that an offset in it is a column."""
    shell: bool = False
    """Whether it came from a command line or the environment, where every value is text."""
    size: int = 1

    def column(self, offset: int) -> Location:
        """The location of the character at this offset of the text."""
        file, line, column = self.where.file, self.where.line, self.where.column
        return Location(file, line, column + offset) if self.inline else self.where


@dataclass(frozen=True, slots=True)
class List:
    """A list of values."""

    items: tuple[Tree, ...]
    where: Location
    size: int = 1


@dataclass(frozen=True, slots=True)
class MapEntry:
    """A value of a mapping, and the location of its key."""

    value: Tree
    where: Location


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping with text keys, in the order of the file."""

    entries: Mapping[str, MapEntry]
    where: Location
    size: int = 1

    def get(self, key: str) -> Tree | None:
        """The value of a key, or None."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Tree = Scalar | List | Map


def plain(tree: Tree) -> Any:
    """The tree as plain dicts, lists and values."""
    if isinstance(tree, Map):
        return {key: plain(entry.value) for key, entry in tree.entries.items()}
    return [plain(item) for item in tree.items] if isinstance(tree, List) else tree.value


def found(tree: Tree) -> str:
    """A value in words, for the `found` line of an error."""
    if isinstance(tree, Map):
        return "a mapping" if tree.entries else "an empty mapping"
    if isinstance(tree, List):
        return "a list" if tree.items else "an empty list"
    match tree.value:
        case None:
            return "nothing"
        case bool():
            return "true" if tree.value else "false"
        case str():
            text = tree.value if len(tree.value) <= 60 else f"{tree.value[:57]}..."
            return f"the text {text!r}"
        case _:
            return f"the number {tree.text}"


def is_null(tree: Tree) -> bool:
    """Whether the value is null or empty."""
    return isinstance(tree, Scalar) and tree.value is None


def is_private(key: str) -> bool:
    """Whether a key is the author's own: `x-...`, for anchors and notes."""
    return key.startswith("x-")


def without_private(tree: Map) -> Map:
    """The mapping without the author's own keys."""
    return Map({key: entry for key, entry in tree.entries.items() if not is_private(key)}, tree.where)


def wrong_value(name: str, value: Tree, expected: str, hint: str = "") -> GraphError:
    """The error for a value that a word or a parameter does not take."""
    return GraphError(f"wrong value for `{name}`", where=value.where, expected=expected, found=found(value), hint=hint)


def word_of(name: str, value: Tree, words: tuple[W, ...]) -> W:
    """A value that is one of a few words; raises GraphError otherwise."""
    for word in words:
        if isinstance(value, Scalar) and value.value == word:
            return word
    hint = did_you_mean(value.text, words) if isinstance(value, Scalar) else ""
    raise wrong_value(name, value, " or ".join(words), hint)


def text_of(name: str, value: Tree | None) -> str:
    """A value that is any text; a missing or null value is empty text. Raises GraphError for a list or mapping."""
    if value is None or is_null(value):
        return ""
    if not isinstance(value, Scalar):
        raise wrong_value(name, value, "text")
    return value.text
