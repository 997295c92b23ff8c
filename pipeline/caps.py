"""Caps: the constraints of a port, such as its rate and channels.

Planning unifies the two ends of every link. A constraint is a set of allowed values in
order of preference (a bare value is a set of one); `ANY` allows all; `same("audio")` ties
it to another port of the node; `param("rate")` takes it from the node's parameters (where
None means ANY). Which kinds a port carries is not a constraint: see `pipeline.port`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = int | str
Allowed = tuple[Value, ...] | None
"""The allowed values in order of preference; None allows all."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A fixed set of values."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """Equal to the same constraint of another port of this node."""

    port: str


@dataclass(frozen=True, slots=True)
class FromParam:
    """Equal to a parameter of this node, or free where that is None."""

    name: str


@dataclass(frozen=True, slots=True)
class Free:
    """All values."""


Constraint = OneOf | Same | FromParam | Free
ANY = Free()


def one_of(*values: Value) -> OneOf:
    """Allows these values, in order of preference."""
    return OneOf(values)


def same(port: str) -> Same:
    """Ties a constraint to another port of the same node."""
    return Same(port)


def param(name: str) -> FromParam:
    """Takes a constraint from a parameter of the node."""
    return FromParam(name)


def constraint(value: Value | Constraint) -> Constraint:
    """A constraint as it is; a bare value as the set of that value."""
    return OneOf((value,)) if isinstance(value, int | str) else value


def intersect(a: Allowed, b: Allowed) -> Allowed:
    """What both allow, in the order of `a`; an empty tuple where nothing is left."""
    if a is None:
        return b
    if b is None:
        return a
    return tuple(value for value in a if value in b)


def describe(caps: Mapping[str, Allowed]) -> str:
    """`rate 16000, channels 1`: for messages and drawings."""
    return ", ".join(
        f"{name} {' or '.join(map(str, allowed))}" for name, allowed in caps.items() if allowed is not None
    )
