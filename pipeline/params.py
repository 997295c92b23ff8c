"""What a node's user may set: one frozen pydantic model a node class.

It is the YAML schema, the reference page (docstrings under the fields) and the
validation at once. Durations are written with a unit in YAML (`200ms`, `1.5s`, `2m`) and
are integer nanoseconds in Python.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

ENGINE_WORDS = frozenset(
    {"use", "fallback", "deadline", "limit", "cache", "retry", "breaker", "pool", "description", "on_error"}
)
"""Words of the graph language itself; no Params may declare one."""

_UNITS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)\s*")


def parse_duration(value: Any) -> int:
    """Nanoseconds of `200ms`, `1.5s`, `2m`, `1h`, or of an int that is nanoseconds already.

    Raises ValueError when the unit is missing or the text is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return round(float(match[1]) * _UNITS[match[2]])
    raise ValueError(f"a duration needs a number and a unit, such as 200ms, 1.5s or 2m, not {value!r}")


def show_duration(ns: int) -> str:
    """The shortest spelling, exact down to a microsecond: 200000000 is `200ms`."""
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
    """Nanoseconds of so many milliseconds: the default of a Duration."""
    return round(number * 1_000_000)


def seconds(number: float) -> int:
    """Nanoseconds of so many seconds: the default of a Duration."""
    return round(number * 1_000_000_000)


class Params(BaseModel):
    """The base of every node's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())
    of_a_call: ClassVar[frozenset[str]] = frozenset()
    """What a host sets anew for each call: two members that differ in nothing else are one to a breaker."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if taken := ENGINE_WORDS & cls.__annotations__.keys():
            raise TypeError(f"{cls.__name__} declares {sorted(taken)}: words of the graph language")


class NoParams(Params):
    """For nodes that have nothing to set."""
