"""A YAML document as a tree in which every key and value knows where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import Location

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `text` is how it was written."""

    value: Value
    text: str
    where: Location
    inline: bool = False
    """Whether `text` stands in the file as it is, so that a place in it is a column."""
    shell: bool = False
    """Whether it came as text from a command line or the environment, where all is text."""
    size: int = 1

    def column(self, offset: int) -> Location:
        """Where the character at this offset of the text stands."""
        file, line, column = self.where.file, self.where.line, self.where.column
        return Location(file, line, column + offset) if self.inline else self.where


@dataclass(frozen=True, slots=True)
class List:
    """A list of values."""

    items: tuple[Tree, ...]
    where: Location
    size: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a mapping, and where its key stands."""

    value: Tree
    where: Location


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping with text keys, in the order of the file."""

    entries: Mapping[str, Entry]
    where: Location
    size: int = 1

    def get(self, key: str) -> Tree | None:
        """The value of a key, if it is there."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Tree = Scalar | List | Map


def plain(tree: Tree) -> Any:
    """The tree as dicts, lists and values."""
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
