"""YAML 1.2 as a tree in which every key and value has its line and column.

Reads only what a graph needs: one document, mappings with text keys, lists, and scalars of
the core schema (so `no` is text). Duplicate keys are errors; `<<` merges. Size, depth and
the size after expanding aliases are bounded, so that no file can exhaust the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from pipeline.errors import GraphError, Location
from pipeline.graph.tree import List, Map, MapEntry, Scalar, Tree, Value, found

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 20_000
"""Keys and values of a file, counting what each alias stands for, and a text of 1,000 characters as one more."""

_CONSTANTS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# A longer number than these can only be text, and Python refuses to convert the longest.
_INT = re.compile(r"[-+]?[0-9]{1,30}")
_BASED = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
_STRING_TAG = "tag:yaml.org,2002:str"


def scalar_value(text: str) -> Value:
    """The value of a plain scalar by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_text(path: Path) -> str:
    """The text of a UTF-8 file of at most MAX_BYTES; raises GraphError where it cannot be read."""
    where = Location(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GraphError(f"cannot read the graph: {reason}", where=where) from error
    if len(data) > MAX_BYTES:
        raise GraphError("the graph is too large", where=where, expected="at most 1 MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise GraphError("not UTF-8", where=Location(str(path), line, column), hint="save the file as UTF-8") from error


def parse(text: str, file: str) -> Tree:
    """The document of a text, an empty one as an empty mapping; raises GraphError where it is not YAML for a graph."""
    composer = _Composer(text, file)
    try:
        return composer.document()
    except MarkedYAMLError as error:
        raise _syntax_error(error, text, file) from error
    except ReaderError as error:
        before = text[: error.position]
        where = Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise GraphError(f"not YAML: the character U+{error.character:04X} is not text", where=where) from error
    except (ValueError, OverflowError) as error:
        raise GraphError("not YAML: an escape below here names no character", where=composer.last) from error


def _syntax_error(error: MarkedYAMLError, text: str, file: str) -> GraphError:
    mark = error.problem_mark or error.context_mark
    where = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
    context = f" {error.context}" if error.context and error.context.startswith("while") else ""
    start = text.rfind("\n", 0, mark.index) + 1 if mark else len(text)  # YAML ends lines by more characters than this
    line = text[start:].partition("\n")[0]
    hint = ""
    if "flow" in context and "${" in line:
        hint = 'inside `{ }` and `[ ]` a reference needs quotes: "${name}"'
    elif "\t" in line:
        hint = "indent with spaces, not with tabs"
    elif error.problem and "mapping values are not allowed" in error.problem:
        hint = "text that contains `: ` needs quotes; or is a line above indented differently?"
    return GraphError(f"not YAML: {error.problem or 'syntax error'}{context}", where=where, hint=hint)


@dataclass(slots=True)
class _Composer:
    """Builds the tree from parser events. Depth is bounded; an alias counts as much as what it stands for."""

    text: str
    file: str
    total: int = 0
    anchors: dict[str, tuple[Tree, int]] = field(default_factory=dict)
    """Each with the number of levels below it."""
    deepest: int = 0
    """The deepest level of the value that is being read, counting what each alias stands for."""
    events: Iterator[Event] = field(init=False)
    last: Location = field(init=False)
    """The location of the last value that could be read."""

    def __post_init__(self) -> None:
        self.last = Location(self.file, 1, 1)

    def document(self) -> Tree:
        self.events = YAML(typ="safe", pure=True).parse(self.text)
        tree: Tree | None = None
        for event in self.events:
            if isinstance(event, NodeEvent):
                tree = self.tree(event, 0)
            elif isinstance(event, DocumentStartEvent) and tree is not None:
                raise self.error("more than one document in the file", event, expected="one graph a file")
        return tree if tree is not None else Map({}, Location(self.file, 1, 1))

    def tree(self, event: Event, depth: int) -> Tree:
        if isinstance(event, AliasEvent):
            return self.alias(event, depth)
        before, self.deepest = self.deepest, 0
        self.count(1, event, depth)
        made: Tree
        if isinstance(event, ScalarEvent):
            made = self.scalar(event)
        elif isinstance(event, SequenceStartEvent):
            made = self.list(event, depth)
        else:
            made = self.map(event, depth)
        if (anchor := getattr(event, "anchor", None)) is not None:
            self.anchors[anchor] = made, self.deepest - depth
        self.deepest = max(before, self.deepest)
        return made

    def alias(self, event: AliasEvent, depth: int) -> Tree:
        if event.anchor not in self.anchors:
            raise self.error(f"the alias `*{event.anchor}` has no anchor before it", event)
        tree, levels = self.anchors[event.anchor]
        self.count(tree.size, event, depth + levels)
        return tree

    def scalar(self, event: ScalarEvent) -> Scalar:
        self.check_tag(event)
        longer = len(event.value) // 1000
        self.total += longer
        is_plain = event.style is None and event.tag is None
        value = scalar_value(event.value) if is_plain else event.value
        start, end = event.start_mark, event.end_mark
        inline = event.style is None and start.line == end.line
        return Scalar(value, event.value, self.at(event), inline, size=1 + longer)

    def list(self, event: SequenceStartEvent, depth: int) -> List:
        self.check_tag(event)
        before = self.total
        items = []
        while not isinstance(item := next(self.events), SequenceEndEvent):
            items.append(self.tree(item, depth + 1))
        return List(tuple(items), self.at(event), 1 + self.total - before)

    def map(self, event: Event, depth: int) -> Map:
        self.check_tag(event)
        before = self.total
        entries: dict[str, MapEntry] = {}
        merged: dict[str, MapEntry] = {}
        while not isinstance(key_event := next(self.events), MappingEndEvent):
            key = self.tree(key_event, depth + 1)
            value = self.tree(next(self.events), depth + 1)
            if not isinstance(key, Scalar) or not key.text:
                raise self.error("a key must be text", key_event, found=found(key))
            if key.text in entries:
                line = entries[key.text].where.line
                raise self.error(f"`{key.text}` is written twice", key_event, hint=f"the first is in line {line}")
            if key.text == "<<":
                self.merge(value, key_event, merged)
            else:
                entries[key.text] = MapEntry(value, self.at(key_event))
        return Map({**merged, **entries}, self.at(event), 1 + self.total - before)

    def merge(self, value: Tree, event: Event, into: dict[str, MapEntry]) -> None:
        entries: dict[str, MapEntry] = {}
        for each in reversed(value.items) if isinstance(value, List) else (value,):
            if not isinstance(each, Map):
                raise self.error("`<<` merges mappings", event, found=found(each))
            entries |= each.entries
        for key, entry in entries.items():
            into.setdefault(key, entry)

    def check_tag(self, event: Event) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and not (tag == _STRING_TAG and isinstance(event, ScalarEvent)):
            raise self.error(f"the tag `{tag}` means nothing here", event, hint="graphs use no YAML tags: remove it")

    def count(self, number: int, event: Event, depth: int) -> None:
        self.total += number
        self.deepest = max(self.deepest, depth)
        self.last = self.at(event)
        if depth > MAX_DEPTH:
            raise self.error("nested too deeply", event, expected=f"at most {MAX_DEPTH} levels")
        if self.total > MAX_VALUES:
            expected = f"at most {MAX_VALUES} keys and values, counting what each alias stands for"
            raise self.error("the graph is too large", event, expected=expected)

    def at(self, event: Event) -> Location:
        return Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def error(self, message: str, event: Event, **more: str) -> GraphError:
        return GraphError(message, where=self.at(event), **more)
