"""Nodes: what a graph is made of.

A node is a class with params, ports and handlers; the engine does everything else:
queues, tasks, errors, flush, time limits. Four bases:

- `Transform`: synchronous, microseconds a packet. Handlers return an iterable of packets.
- `Service`: slow or remote. Handlers are async generators of packets; one packet at a time.
- `Source`: makes packets, in `run`.
- `Sink`: takes packets out of the graph; each of its ports has a task of its own.

All that changes in a run is one small `State`, made at start and replaced at every flush.
What must outlive a flush (a conversation's history) is `Memory`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from pipeline.caps import Value
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.compute.job_context import Lane
from pipeline.compute.pool import Pooled
from pipeline.errors import Location, UserInputError
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, Params
from pipeline.port import (
    HandlerTable,
    Input,
    Output,
    Receives,
    Sends,
    check_handlers,
    check_outputs,
    declared,
    handlers_of,
    params_of,
)

P = TypeVar("P", bound=Params)
T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """What a node has of its session."""

    name: str
    clock: Clock
    causes: Causes
    post: Callable[[Event], None]
    """Puts an event on the bus."""
    send_upstream: Callable[[Event], None]
    """Sends an event upstream."""
    caps: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """What planning agreed, by port and constraint: `caps["audio"]["rate"]`."""
    pools: dict[str, Any] = field(default_factory=dict)
    """The loaded resources, by the name of their attribute."""
    connected: Collection[str] | None = None
    """The ports, those of upstream events included, that are connected to another node; None where no plan says it."""
    provided: Sequence[object] = ()
    """What the program gave the session for its nodes, such as the transport of a call."""
    session: str = ""
    """What the program calls the session, in a form that a file name can have; empty if it has no name."""


class Node(Generic[P]):
    """The base of all nodes: params, state, clock."""

    params_type: ClassVar[type[Params]] = NoParams
    inputs: ClassVar[dict[str, Input[Any]]] = {}
    outputs: ClassVar[dict[str, Output]] = {}
    receives: ClassVar[dict[str, Receives[Any]]] = {}
    sends: ClassVar[dict[str, Sends]] = {}
    resources: ClassVar[dict[str, Pooled[Any]]] = {}
    handlers: ClassVar[HandlerTable] = {}
    converts: ClassVar[str] = ""
    """The constraint that this node can bridge when planning finds a mismatch."""
    synchronous: ClassVar[bool] = False
    """Whether its handlers are called, rather than awaited."""
    interrupts: ClassVar[bool] = False
    """Whether it decides to interrupt, so that no full queue below may hold it."""

    State: Callable[[], Any] = type(None)
    Memory: Callable[[], Any] = type(None)
    state: Any
    memory: Any
    context: Context

    def __init__(self, params: P | None = None, **settings: Any) -> None:
        self.params: P = params if params is not None else self.params_type(**settings)  # type: ignore[assignment]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.params_type = params_of(cls)
        cls.inputs = declared(cls, Input)
        cls.outputs = declared(cls, Output)
        cls.receives = declared(cls, Receives)
        cls.sends = declared(cls, Sends)
        cls.resources = declared(cls, Pooled)
        cls.handlers = handlers_of(cls)
        check_outputs(cls, cls.outputs)
        check_handlers(cls, cls.handlers, () if cls.synchronous else cls.inputs)

    def start(self, context: Context, memory: Any = None) -> None:
        """Called by the engine once, before `open`; `memory` is what the members of a chain share."""
        self.context = context
        self.memory = self.Memory() if memory is None else memory
        self.reset()

    def reset(self) -> None:
        """A new state: at start and at every flush."""
        self.state = self.new_state()

    def new_state(self) -> Any:
        """Override where the state needs the params or the caps."""
        return self.State()

    @property
    def clock(self) -> Clock:
        """The session's clock."""
        return self.context.clock

    @property
    def causes(self) -> Causes:
        """The session's causes."""
        return self.context.causes

    def post(self, event: Event) -> None:
        """Puts an event on the bus."""
        self.context.post(event)

    def send_upstream(self, event: Event) -> None:
        """Sends an upstream event at once, also to the bus; for places without `yield`, such as a `finally`."""
        self.context.send_upstream(event)

    def provided(self, kind: type[T], hint: str = "") -> T:
        """The object of this class that the program gave the session (`runner.session(plan, provide=[...])`).

        Raises UserInputError where there is none: this node cannot run in such a session. `hint` says what
        to do about it; by default, how a program provides one.
        """
        for each in self.context.provided:
            if isinstance(each, kind):
                return each
        raise UserInputError(
            f"the session was given no {kind.__name__}",
            node=self.context.name,
            hint=hint or f"start it with `runner.session(plan, provide=[...])`, with a {kind.__name__} among them",
        )

    def latency(self) -> int:
        """The least nanoseconds that a packet spends here by design, whatever the load."""
        return 0

    def check_links(self, linked: Set[str], where: Location) -> None:
        """Raises GraphError if a parameter needs an output that is not among the linked ones."""

    async def open(self) -> None:
        """Opens files or connections; raises a NodeError where it cannot."""

    async def close(self) -> None:
        """Closes what `open` opened; called once, however the session ended."""

    def __repr__(self) -> str:
        name = self.context.name if hasattr(self, "context") else "not started"
        return f"<{type(self).__name__} {name}>"


class Transform(Node[P]):
    """Synchronous work of microseconds; at most 16 outputs an input."""

    synchronous = True

    def at_start(self) -> Iterable[Packet | Event]:
        """The outputs when a session begins, before any input."""
        return ()

    def finish(self) -> Iterable[Packet | Event]:
        """The last outputs, when every input has ended."""
        return ()


class Service(Node[P]):
    """Slow or remote work, one packet at a time, with policies around it.

    It may override what the policies ask of it: which packets require output, how it continues
    what another member began, and what it gives when no member can.
    """

    def requires_output(self, packet: Packet) -> bool:
        """Whether an attempt at this packet fails if none of its outputs counts."""
        return False

    def lane(self, packet: Packet) -> Lane:
        """The lane of its compute jobs: by default, packets that require output go before others."""
        return "high" if self.requires_output(packet) else "normal"

    def counts_as_output(self, output: Packet) -> bool:
        """Whether an output is usable, where the packet requires output: a silent sound is not."""
        return True

    def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[Packet | Event]:
        """Continues after what another member made of this packet, without repeating it.

        A member whose class does not override it is skipped once another one has begun an answer.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override resume()")

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet | Event]:
        """The output when no member can (any more), after `made`: an honest sentence rather than silence."""
        return ()

    def cache_key(self, packet: Packet) -> str | None:
        """What the output of this packet depends on, besides the params; None where it is not cached."""
        return None

    def from_cache(self, packet: Packet, output: Packet) -> Packet:
        """A cached output as the output of this packet."""
        return msgspec.structs.replace(output, at=packet.at)

    def prefetch_packet(self, text: str) -> Packet | None:
        """The packet whose output the cache makes ahead of time for a text of `prefetch`; None where there is none."""
        return None

    async def probe(self) -> None:
        """Does a small real piece of its work; raises where it is not healthy."""

    async def finish(self) -> AsyncIterator[Packet | Event]:
        """The last outputs, when every input has ended."""
        return
        yield


class Source(Node[P]):
    """Makes packets."""

    live: ClassVar[bool] = False
    """Whether it follows real time: it then drops and counts droppable packets while a blocking queue below is full."""

    def run(self) -> AsyncIterator[Packet]:
        """All packets, in order; the stream ends with it."""
        raise TypeError(f"{type(self).__name__} must define run()")


class Sink(Node[P]):
    """Takes packets out of the graph; may yield upstream events."""
