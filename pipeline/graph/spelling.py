"""How YAML spells a value: the reverse of reading it."""

from __future__ import annotations

import re
from typing import Any

from pipeline.graph.yaml import scalar_value

# Letters, digits and a few signs; a colon only before a letter, a space only inside.
_PLAIN = re.compile(r"[\w./](?:[\w./+>-]|:(?=\w)| (?=[\w./>-]))*", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def spell(value: Any) -> str:
    """A value on one line, as a graph would say it: `null`, `true`, `200ms`, `[a, b]`."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{spell(str(key))}: {spell(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spell, value))}]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and scalar_value(value) == value else _quoted(value)
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if _is_constant(value) else str(value)


def _is_constant(value: Any) -> bool:
    # 1 and True are the same key of a dict.
    return value is None or isinstance(value, bool)


def _quoted(text: str) -> str:
    return f'"{"".join(_escaped(each) for each in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
