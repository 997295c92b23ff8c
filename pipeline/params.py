"""What a node's user may set: one frozen pydantic model for each node class.

It is at once the YAML schema, the reference page (docstrings under the fields) and the
validation. Numbers, text and truth values take only their own type: 1 is not true, and
`"2"` is no number. Durations have a unit in YAML (`200ms`, `1.5s`, `2m`) and are integer
nanoseconds in Python.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema

RESERVED_WORDS = frozenset(
    {"use", "fallback", "deadline", "limit", "cache", "retry", "breaker", "pool", "description", "on_error"}
)
"""Words of the graph language itself (`pipeline.graph.language`), which no Params may declare."""

_UNITS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
# A number of more digits than these could be infinite.
_DURATION = re.compile(r"\s*(\d{1,30}(?:\.\d+)?)\s*(us|ms|s|m|h)\s*")


def parse_duration(value: Any) -> int:
    """Nanoseconds of `200ms`, `1.5s`, `2m`, `1h`; an int is returned as it is.

    Raises ValueError where the unit is missing, or the value is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return round(float(match[1]) * _UNITS[match[2]])
    raise ValueError(f"a duration needs a number and a unit, such as 200ms, 1.5s or 2m, not {value!r}")


def show_duration(ns: int) -> str:
    """The shortest spelling, exact to a microsecond: 200000000 is `200ms`."""
    for unit in ("h", "m", "s", "ms", "us"):
        if ns and ns % _UNITS[unit] == 0:
            return f"{ns // _UNITS[unit]}{unit}"
    return f"{ns / 1_000:.0f}us" if ns else "0ms"


def _yaml_duration(value: Any) -> int:
    # Python passes nanoseconds; a small bare number can only be a forgotten unit.
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
        raise ValueError(f"a duration needs a unit: did you mean {value}ms?")
    return parse_duration(value)


Duration = Annotated[
    int,
    BeforeValidator(_yaml_duration),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(us|ms|s|m|h)$", "examples": ["200ms", "1.5s"]}),
]
"""A parameter in nanoseconds that YAML writes with a unit."""


def ms(number: float) -> int:
    """Milliseconds as nanoseconds: the default of a Duration."""
    return round(number * 1_000_000)


def seconds(number: float) -> int:
    """Seconds as nanoseconds: the default of a Duration."""
    return round(number * 1_000_000_000)


_SCALARS = ("bool", "int", "float", "str")
_AS_THEY_ARE = (("default", "default"), ("dict", "keys_schema"))
"""Parts of a schema, by its type and their name: a default is a value; the keys of a mapping in YAML are text."""


def _with_strict_scalars(schema: Any) -> Any:
    """Pydantic's strict mode for scalars alone, as it is for JSON: a list may become a tuple, and text a path."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_with_strict_scalars, schema))
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    made = {key: value if (kind, key) in _AS_THEY_ARE else _with_strict_scalars(value) for key, value in schema.items()}
    return {**made, "strict": True} if kind in _SCALARS else made


class Params(BaseModel):
    """The base of every node's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if taken := RESERVED_WORDS & cls.__annotations__.keys():
            raise TypeError(f"{cls.__name__} declares {sorted(taken)}: words of the graph language")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = _with_strict_scalars(handler(source))
        return schema


class NoParams(Params):
    """For nodes that have nothing to set."""
