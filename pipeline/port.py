"""Ports: what a node class declares that it takes and gives.

    audio = Input(Audio, rate=one_of(8_000, 16_000), channels=1)
    speech = Output(Audio, SpeechStart, SpeechEnd, rate=same("audio"))
    played = Receives(PlaybackProgress)       # upstream events from nodes below
    heard = Sends(TranscriptUpdate)            # upstream events to nodes above

    @audio.each
    def mark(self, heard: Audio) -> Iterable[Audio | SpeechStart]: ...

The port is the decorator. `each` handles every kind of the port that has no handler of
its own; `of(Kind)` handles one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from pipeline.caps import Constraint, Value, constraint
from pipeline.packet import Event, Packet

K = TypeVar("K", bound=Packet)
E = TypeVar("E", bound=Event)
J = TypeVar("J", bound=Packet)
P1 = TypeVar("P1", bound=Packet)
P2 = TypeVar("P2", bound=Packet)
P3 = TypeVar("P3", bound=Packet)
P4 = TypeVar("P4", bound=Packet)
H = TypeVar("H", bound=Callable[..., Any])

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

    @overload
    def __init__(
        self: Input[P1],
        kind: type[P1],
        /,
        *,
        gated: bool = ...,
        passes: bool = ...,
        optional: bool = ...,
        **caps: Value | Constraint,
    ) -> None: ...
    @overload
    def __init__(
        self: Input[P1 | P2],
        kind: type[P1],
        kind2: type[P2],
        /,
        *,
        gated: bool = ...,
        passes: bool = ...,
        optional: bool = ...,
        **caps: Value | Constraint,
    ) -> None: ...
    @overload
    def __init__(
        self: Input[P1 | P2 | P3],
        kind: type[P1],
        kind2: type[P2],
        kind3: type[P3],
        /,
        *,
        gated: bool = ...,
        passes: bool = ...,
        optional: bool = ...,
        **caps: Value | Constraint,
    ) -> None: ...
    @overload
    def __init__(
        self: Input[P1 | P2 | P3 | P4],
        kind: type[P1],
        kind2: type[P2],
        kind3: type[P3],
        kind4: type[P4],
        /,
        *,
        gated: bool = ...,
        passes: bool = ...,
        optional: bool = ...,
        **caps: Value | Constraint,
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
    """Upstream events that a node wants to know, from any node below it."""

    name: str = ""

    def __init__(self, event: type[E]) -> None:
        self.event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def each(self, handler: Callable[[Any, E], Any]) -> Callable[[Any, E], Any]:
        """Marks the (synchronous) method that handles these events."""
        return _mark(handler, self, None)


class Sends:
    """Upstream events that a node yields, for the nodes above it that want them."""

    name: str = ""

    def __init__(self, event: type[Event]) -> None:
        self.event = event

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


def _mark(handler: H, port: Input[Any] | Receives[Any], kind: type[Packet] | None) -> H:
    marks = handler.__dict__.setdefault("__handles__", [])
    marks.append((port, kind))
    return handler
