"""A node of a running session: the members of its chain, and where its outputs go.

A running node binds the handlers of its active member to tables by class, so that delivery is
two look-ups and a call. Fused targets are called and queued ones are pushed to; both look the
same from here. `end` travels the same way when a stream is over.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import NodeError
from pipeline.node import Node, Transform
from pipeline.packet import Event, Packet, Stamp
from pipeline.runtime.dispatch import Push, make_dispatcher
from pipeline.runtime.link import Link
from pipeline.runtime.policy_store import MemberPolicy

Failed = Callable[[Exception, Any], bool]
"""Receives an error and the item that caused it; True if another member is active now."""


class EndOfStream(Packet, frozen=True):
    """The last item on a queued link: its producer has ended."""

    survives_flush = True


class Routes(dict[type, Push]):
    """Where the outputs of a node go, by class."""

    def __missing__(self, kind: type) -> Push:
        raise NodeError(
            f"gave a {kind.__name__}, which none of its ports declares",
            hint="declare it with Output(...), or with Sends(...) if it goes upstream",
        )

    def add(self, kind: type, push: Push) -> None:
        """Adds a target for a kind."""
        before = self.get(kind)
        self[kind] = push if before is None or before is nowhere else _both(before, push)


def nowhere(_: Any) -> None:
    """The target of outputs that nothing is linked to."""


def _both(first: Push, second: Push) -> Push:
    def push(item: Any) -> None:
        first(item)
        second(item)

    return push


@dataclass(slots=True, eq=False)
class RunningMember:
    """One opened member: the primary, a fallback, or a placeholder."""

    node: Node[Any]
    use: str = ""
    """Its class as the graph writes it; empty for a placeholder."""
    place: int = 0
    """Its position in the chain: 0 is the primary."""
    policy: MemberPolicy | None = None
    """Deadlines, retries and breaker; None where it is no service, or no policies apply."""


class RunningNode:
    """One node of a session. `members` is its chain: the active member first, then the fallbacks after it."""

    def __init__(self, name: str, members: Sequence[RunningMember], root: Stamp) -> None:
        self.name = name
        self.members = list(members)
        self.routes = Routes()
        self.blocking: list[Link] = []
        """The blocking links below: the head of the segment waits for room in all of them."""
        self.below: list[RunningNode | Link] = []
        self.feeders = 0
        """Links into this node that have not ended."""
        self.ended = False
        self.failed: Failed = _raise
        self.tables: dict[str, dict[type, Callable[[Any], Any]]] = {}
        self._root = root
        for kind in {kind for port in self.node.outputs.values() for kind in port.kinds}:
            self.routes[kind] = nowhere
        for sent in self.node.sends.values():
            self.routes[sent.event] = nowhere

    @property
    def active(self) -> RunningMember:
        """The member that serves now, or is tried first."""
        return self.members[0]

    @property
    def node(self) -> Node[Any]:
        """The instance of the active member."""
        return self.members[0].node

    def bind(self, port: str, kinds: Iterable[type]) -> None:
        """Fills the table of a port for the kinds that its links carry."""
        table = self.tables.setdefault(port, {})
        for kind in kinds:
            table[kind] = self._handler(port, kind)

    def _handler(self, port: str, kind: type) -> Callable[[Any], Any]:
        handlers = self.node.handlers.get(port, {})
        for base in kind.__mro__:
            if base in handlers:
                return _bound(handlers[base], self.node, port)
        self.routes.setdefault(kind, nowhere)  # it passes through
        return _itself

    def entry(self, port: str) -> Push:
        """The call that gives one packet (or event) to a synchronous handler.

        An item that the active member fails on is given to the member that takes over.
        """

        def failed(error: Exception, item: Any) -> None:
            if self.failed(error, item):
                push(item)

        push = make_dispatcher(self.tables[port], failed, self.routes)
        return push

    def send_upstream(self, event: Event) -> None:
        """Sends an upstream event of this node."""
        self.routes[event.__class__](event)

    def begin(self) -> None:
        """The session begins: a transform may have outputs before any input."""
        if isinstance(self.node, Transform):
            make_dispatcher({Stamp: self._at_start}, self.failed, self.routes)(self._root)

    def _at_start(self, _: Stamp) -> Sequence[Any]:
        return tuple(self.node.at_start()) if isinstance(self.node, Transform) else ()

    def end(self) -> None:
        """One feeder has ended; after the last, `finish` runs and the end goes on."""
        self.feeders -= 1
        if self.feeders > 0 or self.ended:
            return
        if isinstance(self.node, Transform):
            make_dispatcher({Stamp: self._finish}, self.failed, self.routes)(self._root)
        self.end_below()

    def _finish(self, _: Stamp) -> Sequence[Any]:
        return tuple(self.node.finish()) if isinstance(self.node, Transform) else ()

    def end_below(self) -> None:
        """Tells the targets below that this node gives nothing more."""
        if self.ended:
            return
        self.ended = True
        for target in self.below:
            if isinstance(target, Link):
                target.push(EndOfStream(self._root))
            else:
                target.end()

    # --- members

    def after(self, place: int) -> list[RunningMember]:
        """The members behind that place of the chain."""
        return [member for member in self.members if member.place > place]

    def at(self, place: int) -> RunningMember | None:
        """The member at that place of the chain; None where it has left."""
        return next((member for member in self.members if member.place == place), None)

    def drop_active(self) -> RunningMember | None:
        """Removes the active member from the chain; returns the next one, or None and removes nothing."""
        if len(self.members) == 1:
            return None
        del self.members[0]
        self.node.reset()  # it may have served before: its state is out of date
        self._rebind()
        return self.active

    def join(self, member: RunningMember, instead: Sequence[RunningMember] = ()) -> None:
        """A member takes its place in the chain; those of `instead` leave it."""
        kept = [each for each in self.members if each not in instead]
        self.members = sorted([*kept, member], key=lambda each: each.place)
        self._rebind()

    def renew(self) -> None:
        """Replaces the instances of all members: one of them is held by a task that does not end."""
        self.members = [replace(member, node=copy.copy(member.node)) for member in self.members]
        for member in self.members:
            member.node.reset()
        self._rebind()

    def _rebind(self) -> None:
        for port, table in self.tables.items():
            self.bind(port, tuple(table))

    def __repr__(self) -> str:
        return f"<RunningNode {self.name} {self.node!r}>"


def _bound(handler: Callable[[Any, Any], Any], node: Node[Any], port: str) -> Callable[[Any], Any]:
    method: Callable[[Any], Any] = handler.__get__(node)
    if inspect.isgeneratorfunction(handler):
        return lambda item: tuple(method(item))
    if port in node.receives:
        return lambda event: method(event) or ()
    return method


def _itself(packet: Packet | Event) -> tuple[Packet | Event]:
    return (packet,)


def _raise(error: Exception, item: Any) -> bool:
    raise error
