"""Reads what a node class declares: its ports, its handlers, the type of its params."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeVar, get_args, get_origin

from pipeline.packet import Event, Packet
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output, Receives

Handler = Callable[[Any, Any], Any]
HandlerTable = dict[str, dict[type[Packet] | type[Event], Handler]]
"""By port and kind."""

T = TypeVar("T")


def params_of(cls: type) -> type[Params]:
    """The Params in `Transform[ThatParams]`, or what a base class has."""
    for base in getattr(cls, "__orig_bases__", ()):
        for argument in get_args(base) if isinstance(get_origin(base), type) else ():
            if isinstance(argument, type) and issubclass(argument, Params):
                return argument
    inherited: type[Params] = getattr(cls, "params_type", NoParams)
    return inherited


def members_of(cls: type, kind: type[T]) -> dict[str, T]:
    """The class attributes of one kind, base classes first."""
    return {
        name: value for base in reversed(cls.__mro__) for name, value in vars(base).items() if isinstance(value, kind)
    }


def handlers_of(cls: type) -> HandlerTable:
    """Which method handles what; raises TypeError where nothing handles a declared kind."""
    table: HandlerTable = {}
    single: HandlerTable = {}
    for value in {n: v for base in reversed(cls.__mro__) for n, v in vars(base).items()}.values():
        for port, kind in getattr(value, "__handles__", ()):
            for each in (kind,) if kind else _kinds(port):
                (single if kind else table).setdefault(port.name, {})[each] = value
    for name, handlers in single.items():  # `of` names one kind, so it wins over `each`
        table.setdefault(name, {}).update(handlers)
    takers: dict[str, Input[Any] | Receives[Any]] = {**members_of(cls, Input), **members_of(cls, Receives)}
    for name, port in takers.items():
        if missing := [kind.__name__ for kind in _kinds(port) if kind not in table.get(name, {})]:
            raise TypeError(f"{cls.__name__}.{name} takes {', '.join(missing)} but no method handles that")
    return table


def check_outputs(cls: type, outputs: dict[str, Output]) -> None:
    """Raises TypeError where two outputs give the same kind: `yield` could not tell them apart."""
    seen: dict[type[Packet], str] = {}
    for name, port in outputs.items():
        for kind in port.kinds:
            if kind in seen:
                raise TypeError(f"{cls.__name__} gives {kind.__name__} on both {seen[kind]} and {name}")
            seen[kind] = name


def check_handlers(cls: type, handlers: HandlerTable, waiting: Collection[str]) -> None:
    """Raises TypeError where a handler is `async` though its port may not wait, or the other way round."""
    for port, table in handlers.items():
        for handler in table.values():
            name = f"{cls.__name__}.{handler.__name__}"
            if port in waiting and inspect.isgeneratorfunction(handler):
                raise TypeError(f"{name} must be `async def`: it handles `{port}` of a node that may wait")
            if port not in waiting and (inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)):
                raise TypeError(
                    f"{name} must be `def`: nothing waits in `{port}`; what takes time belongs to a Service"
                )


def _kinds(port: Input[Any] | Receives[Any]) -> tuple[type[Packet] | type[Event], ...]:
    return port.kinds if isinstance(port, Input) else (port.event,)
