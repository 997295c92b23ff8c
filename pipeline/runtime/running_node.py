"""Stages: a node of a running session, and where its outputs go.

A stage binds the handlers of the node's active member to tables by class, so that
delivery is two look-ups and a call. Fused targets are called, queued ones are pushed to;
both look the same from here. `end` travels the same way when a stream is over.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pipeline.errors import NodeError
from pipeline.node import Node, Transform
from pipeline.packet import Event, Packet, Stamp
from pipeline.runtime.dispatch import Push, make_dispatcher
from pipeline.runtime.link import Link

Failed = Callable[[Exception, Any], bool]
"""Told of an error and the item it came from; says whether another member is active now."""


class EndOfStream(Packet, frozen=True):
    """The last thing on a queued link: its producer has ended."""

    survives_flush = True


class Routes(dict[type, Push]):
    """Where the outputs of a node go, by class."""

    def __missing__(self, kind: type) -> Push:
        raise NodeError(
            f"gave a {kind.__name__}, which none of its ports declares",
            hint="declare it with Output(...), or with Sends(...) if it goes upstream",
        )

    def add(self, kind: type, push: Push) -> None:
        """One more target for a kind."""
        before = self.get(kind)
        self[kind] = push if before is None or before is nowhere else _both(before, push)


def nowhere(_: Any) -> None:
    """The target of outputs that nothing is linked to."""


def _both(first: Push, second: Push) -> Push:
    def push(item: Any) -> None:
        first(item)
        second(item)

    return push


class RunningNode:
    """One node of a session: its members, its routes, and who must end before it ends."""

    def __init__(self, name: str, members: Sequence[Node[Any]], root: Stamp) -> None:
        self.name = name
        self.members = list(members)
        """The active one first; the others are its fallbacks."""
        self.routes = Routes()
        self.gates: list[Link] = []
        """The blocking links below: the head of the segment waits for room in all of them."""
        self.below: list[RunningNode | Link] = []
        self.feeders = 0
        """Links that feed this stage and have not ended."""
        self.ended = False
        self.failed: Failed = _raise
        self.tables: dict[str, dict[type, Callable[[Any], Any]]] = {}
        self._root = root
        for kind in {kind for port in self.node.outputs.values() for kind in port.kinds}:
            self.routes[kind] = nowhere
        for sent in self.node.sends.values():
            self.routes[sent.event] = nowhere

    @property
    def node(self) -> Node[Any]:
        """The active member."""
        return self.members[0]

    def bind(self, port: str, kinds: Iterable[type]) -> None:
        """Fills the table of one port for the kinds that really come."""
        table = self.tables.setdefault(port, {})
        for kind in kinds:
            table[kind] = self._handler(port, kind)

    def _handler(self, port: str, kind: type) -> Callable[[Any], Any]:
        handlers = self.node.handlers.get(port, {})
        for base in kind.__mro__:
            if base in handlers:
                return _bound(handlers[base], self.node, port)
        self.routes.setdefault(kind, nowhere)  # it passes through, perhaps to nobody
        return _itself

    def rebind(self) -> None:
        """After the active member has changed: the same tables, its handlers."""
        for port, table in self.tables.items():
            self.bind(port, tuple(table))

    def entry(self, port: str) -> Push:
        """The call that gives one packet (or event) to a synchronous handler.

        What a member fails at, the one that takes over gets.
        """

        def failed(error: Exception, item: Any) -> None:
            if self.failed(error, item):
                push(item)

        push = make_dispatcher(self.tables[port], failed, self.routes)
        return push

    def send_upstream(self, event: Event) -> None:
        """Sends an upstream event of this node."""
        self.routes[event.__class__](event)

    def end(self) -> None:
        """One of the feeders has ended; after the last, `finish` runs and the end goes on."""
        self.feeders -= 1
        if self.feeders > 0 or self.ended:
            return
        if isinstance(self.node, Transform):
            make_dispatcher({Stamp: self._finish}, self.failed, self.routes)(self._root)
        self.end_below()

    def _finish(self, _: Stamp) -> Iterable[Any]:
        return tuple(self.node.finish()) if isinstance(self.node, Transform) else ()

    def end_below(self) -> None:
        """Tells what is below that this node gives nothing more."""
        if self.ended:
            return
        self.ended = True
        for target in self.below:
            if isinstance(target, Link):
                target.push(EndOfStream(self._root))
            else:
                target.end()

    def next_member(self) -> Node[Any] | None:
        """Gives up the active member for good; the new one, or None where there is none."""
        if len(self.members) == 1:
            return None
        del self.members[0]
        self.node.reset()  # it may have served before: what it knew is long past
        self.rebind()
        return self.node

    def member(self, place: int) -> Node[Any]:
        """The member at that place in the chain; raises StopIteration where it is not there."""
        return next(member for member in self.members if member.context.place == place)

    def after(self, place: int) -> list[Node[Any]]:
        """The members that come later in the chain."""
        return [member for member in self.members if member.context.place > place]

    def join(self, member: Node[Any], instead: Sequence[Node[Any]] = ()) -> None:
        """A member that was missing is there: it takes its place in the chain, and others lose theirs."""
        kept = [each for each in self.members if each not in instead]
        self.members = sorted([*kept, member], key=lambda each: each.context.place)
        self.rebind()

    def renew(self) -> None:
        """Replaces members whose instance is captive in a task that does not end."""
        self.members = [copy.copy(member) for member in self.members]
        for member in self.members:
            member.reset()
        self.rebind()

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
