"""Ports: what a node class declares that it takes and gives, and how a class's declarations are read.

    audio = Input(Audio, rate=one_of(8_000, 16_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"))
    played = Receives(PlaybackProgress)       # upstream events from nodes below
    heard = Sends(TranscriptUpdate)            # upstream events to nodes above

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | SpeechStart]: ...

The port is the decorator: `each` marks the handler of every kind of the port that has no
handler of its own, `of(Kind)` that of one kind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar, get_args, get_origin, overload

from pipeline.caps import Constraint, Value, constraint
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, Params

Handler = Callable[[Any, Any], Any]
HandlerTable = dict[str, dict[type[Packet] | type[Event], Handler]]
"""The handlers of a node class, by port and kind."""

K = TypeVar("K", bound=Packet)
E = TypeVar("E", bound=Event)
J = TypeVar("J", bound=Packet)
P1 = TypeVar("P1", bound=Packet)
P2 = TypeVar("P2", bound=Packet)
P3 = TypeVar("P3", bound=Packet)
P4 = TypeVar("P4", bound=Packet)
H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")

MAX_OUTPUTS = 16
"""Outputs that a transform may give for one input, so that overshoot is bounded; more is work for a service."""


class Port:
    """What inputs and outputs share: a name, kinds and constraints."""

    name: str = ""

    def __init__(self, kinds: tuple[type[Packet], ...], caps: Mapping[str, Value | Constraint]) -> None:
        self.kinds = kinds
        self.caps = {key: constraint(value) for key, value in caps.items()}

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {', '.join(kind.__name__ for kind in self.kinds)}>"


class Input(Port, Generic[K]):
    """A port that takes packets."""

    # `gated`, `passes`, `optional` and the caps, which may have any name: see the implementation.
    @overload
    def __init__(self: Input[P1], kind: type[P1], /, **options: Value | Constraint) -> None: ...
    @overload
    def __init__(self: Input[P1 | P2], kind: type[P1], kind2: type[P2], /, **options: Value | Constraint) -> None: ...
    @overload
    def __init__(
        self: Input[P1 | P2 | P3], kind: type[P1], kind2: type[P2], kind3: type[P3], /, **options: Value | Constraint
    ) -> None: ...
    @overload
    def __init__(
        self: Input[P1 | P2 | P3 | P4],
        kind: type[P1],
        kind2: type[P2],
        kind3: type[P3],
        kind4: type[P4],
        /,
        **options: Value | Constraint,
    ) -> None: ...
    # mypy cannot match an implementation with overloads that type `self`.
    def __init__(  # type: ignore[misc]
        self, *kinds: Any, gated: bool = False, passes: bool = False, optional: bool = False, **caps: Any
    ) -> None:
        super().__init__(kinds, caps)
        self.gated = gated
        """Whether packets wait here until their cause is committed (a service or sink)."""
        self.passes = passes
        """Whether kinds that are not declared go through untouched (a transform)."""
        self.optional = optional
        """Whether a graph may leave it unlinked."""

    def each(self, handler: Callable[[Any, K], Any]) -> Callable[[Any, K], Any]:
        """Marks the method that handles the packets of this port."""
        return _mark(handler, self, None)

    def of(self, kind: type[J]) -> Callable[[Callable[[Any, J], Any]], Callable[[Any, J], Any]]:
        """Marks the method that handles one kind of this port."""
        return lambda handler: _mark(handler, self, kind)


class Output(Port):
    """A port that gives packets; the kinds of a node's outputs are disjoint."""

    def __init__(self, *kinds: type[Packet], **caps: Value | Constraint) -> None:
        super().__init__(kinds, caps)


class Receives(Generic[E]):
    """Upstream events that a node receives, from any node below it."""

    name: str = ""

    def __init__(self, event: type[E]) -> None:
        self.event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def each(self, handler: Callable[[Any, E], Any]) -> Callable[[Any, E], Any]:
        """Marks the (synchronous) method that handles these events."""
        return _mark(handler, self, None)


class Sends:
    """Upstream events that a node yields; every node above it that declares `Receives` gets them."""

    name: str = ""

    def __init__(self, event: type[Event]) -> None:
        self.event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


def _mark(handler: H, port: Input[Any] | Receives[Any], kind: type[Packet] | None) -> H:
    marks = handler.__dict__.setdefault("__handles__", [])
    marks.append((port, kind))
    return handler


# --- what a class declares


def params_of(cls: type) -> type[Params]:
    """The Params class in `Transform[ThatParams]`; without one, that of the base class."""
    for base in getattr(cls, "__orig_bases__", ()):
        for argument in get_args(base) if isinstance(get_origin(base), type) else ():
            if isinstance(argument, type) and issubclass(argument, Params):
                return argument
    inherited: type[Params] = getattr(cls, "params_type", NoParams)
    return inherited


def declared(cls: type, kind: type[T]) -> dict[str, T]:
    """The class attributes of one type, those of base classes first."""
    return {
        name: value for base in reversed(cls.__mro__) for name, value in vars(base).items() if isinstance(value, kind)
    }


def handlers_of(cls: type) -> HandlerTable:
    """The handler of each kind of each port; raises TypeError where a declared kind has none."""
    table: HandlerTable = {}
    single: HandlerTable = {}
    for value in {n: v for base in reversed(cls.__mro__) for n, v in vars(base).items()}.values():
        for port, kind in getattr(value, "__handles__", ()):
            for each in (kind,) if kind else _kinds(port):
                (single if kind else table).setdefault(port.name, {})[each] = value
    for name, handlers in single.items():  # `of` names one kind, so it wins over `each`
        table.setdefault(name, {}).update(handlers)
    ports: dict[str, Input[Any] | Receives[Any]] = {**declared(cls, Input), **declared(cls, Receives)}
    for name, port in ports.items():
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


def check_handlers(cls: type, handlers: HandlerTable, awaited: Collection[str]) -> None:
    """Raises TypeError where a handler is not `async` although its port is awaited, or the other way round."""
    for port, table in handlers.items():
        for handler in table.values():
            name = f"{cls.__name__}.{handler.__name__}"
            if port in awaited and inspect.isgeneratorfunction(handler):
                raise TypeError(f"{name} must be `async def`: it handles `{port}` of a node that may wait")
            if port not in awaited and (inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)):
                raise TypeError(
                    f"{name} must be `def`: nothing waits in `{port}`; what takes time belongs to a Service"
                )


def _kinds(port: Input[Any] | Receives[Any]) -> tuple[type[Packet] | type[Event], ...]:
    return port.kinds if isinstance(port, Input) else (port.event,)
