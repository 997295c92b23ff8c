"""What sees a session from outside: the base of metrics, timelines, quality, traces and recordings."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from nodes.packets import Audio
from pipeline.node import Source
from pipeline.packet import Packet
from pipeline.runtime.report import Observer
from pipeline.runtime.session import Session
from vitagraph.observe.guard import make_guard
from vitagraph.waterfall import TurnRecord

log = logging.getLogger(__name__)

BLOCK = 10
"""Packets of sound that are given together: 0.2 s."""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended."""

    outcome: str
    """A `CallOutcome`; for a replay `completed` or `failed`."""
    reason: str
    """For the operator."""


class SessionWatcher:
    """Sees one session, of a call or of a replay. A subclass overrides what it needs; the rest does nothing.

    Everything is called in the event loop, and must be quick. What raises is logged, and hurts neither the
    session nor other watchers.
    """

    def listen(self, session: Session) -> None:
        """The session is there, and does not run yet: the place to subscribe to its bus."""

    def wants(self, node: str, kind: type[Packet]) -> bool:
        """Whether it observes what a node gives of a kind; asked once for each, after `listen`."""
        return type(self).observe is not SessionWatcher.observe

    def observe(self, node: str, packet: Packet) -> None:
        """Takes an output of a node that it wants; the sound of sources comes by `hear`."""

    def hear(self, source: str, sound: Sequence[Audio]) -> None:
        """Takes what a source gave: up to ten packets of sound, before anything that was made of them."""

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Takes a turn that is final; with `abandoned`, one that was not when its session ended."""

    def ended(self, end: CallEnd) -> None:
        """The session is over, and nothing follows."""


class Watchers:
    """All watchers of one session, each guarded from the others.

    The sound of the `sources` comes to them by `hear`; `listen` finds the sources of a session.
    """

    def __init__(self, watchers: Sequence[SessionWatcher], sources: Iterable[str] = ()) -> None:
        self._all = tuple(watchers)
        self._observers: dict[tuple[str, type[Packet]], tuple[Observer, ...]] = {}
        self._listeners = tuple(each.hear for each in watchers if type(each).hear is not SessionWatcher.hear)
        self._sound: dict[str, list[Audio]] = {source: [] for source in sources}
        """What each source gave and nobody has taken yet: one call for ten packets costs a fifth of ten calls."""
        self._tell = make_guard(log)

    def listen(self, session: Session) -> None:
        """Gives each the session."""
        nodes = session.plan.nodes.values()
        self._sound = {node.name: [] for node in nodes if issubclass(node.members[0].node, Source)}
        for watcher in self._all:
            self._tell(partial(watcher.listen, session))

    def observe(self, node: str, packet: Packet) -> None:
        """Gives an output of a node to those that want it."""
        if packet.__class__ is Audio and (sound := self._sound.get(node)) is not None:
            sound.append(packet)
            if len(sound) == BLOCK:
                self._hear()
            return
        key = (node, packet.__class__)
        observers = self._observers.get(key)
        if observers is None:
            observers = self._observers[key] = tuple(each.observe for each in self._all if each.wants(*key))
        if observers:
            self._hear()
            for observe in observers:
                observe(node, packet)

    def _hear(self) -> None:
        for source, sound in self._sound.items():
            if sound:
                self._sound[source] = []
                for hear in self._listeners:
                    hear(source, sound)

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Gives each a turn."""
        self._tell(partial(self._hear))
        for watcher in self._all:
            self._tell(partial(watcher.turn_over, turn, abandoned=abandoned))

    def ended(self, end: CallEnd) -> None:
        """Tells each that the session is over."""
        self._tell(partial(self._hear))
        for watcher in self._all:
            self._tell(partial(watcher.ended, end))
