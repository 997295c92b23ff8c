"""Values as YAML, and the docstrings of nodes, for printing."""

from __future__ import annotations

import inspect
import re
from typing import Any

from pipeline.graph.yaml import scalar_value
from pipeline.node import Node

# Text without quotes: letters, digits and a few signs; a colon only before a letter, a space only inside.
_PLAIN = re.compile(r"[\w./](?:[\w./+>-]|:(?=\w)| (?=[\w./>-]))*", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def spell(value: Any) -> str:
    """A value as YAML on one line, which `parse` reads back as the same value: `null`, `true`, `200ms`, `[a, b]`."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{spell(str(key))}: {spell(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spell, value))}]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and scalar_value(value) == value else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _quoted(text: str) -> str:
    return f'"{"".join(_escaped(each) for each in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def summary(node: type[Node[Any]]) -> str:
    """The first paragraph of a node class's docstring, in one line."""
    return docstring(node).partition("\n\n")[0].replace("\n", " ")


def docstring(node: type[Node[Any]]) -> str:
    """The whole docstring of a node class, without its indentation."""
    return inspect.cleandoc(node.__doc__ or "")
