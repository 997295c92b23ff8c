"""Sees one session, and gives what it sees to its recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

from nodes.packets import Audio, PlaybackProgress, Samples, SoundPlayed, Speech, TurnChanged
from pipeline.graph.plan import Plan
from pipeline.packet import Event, Packet
from pipeline.runtime.session import Session
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.recording.file import JsonItem, RecordingFile, SoundItem
from vitagraph.recording.messages import PACKET_KINDS, TURNS, Side, event_topic, packet_topic
from vitagraph.recording.played import PlayedSound
from vitagraph.waterfall import TurnRecord


@dataclass(frozen=True, slots=True)
class Ends:
    """The nodes of a plan by which sound goes out."""

    players: frozenset[str]
    """What gives audio without words to a sink that plays."""

    @classmethod
    def of(cls, plan: Plan) -> Ends:
        """Those of a plan."""
        primary = {name: node.members[0].node for name, node in plan.nodes.items()}
        plays = (
            link.source
            for link in plan.links
            # What speaks plays other sound at the same input.
            if Audio in link.kinds and Speech in primary[link.target].inputs[link.target_port].kinds
            if any(sent.event is PlaybackProgress for sent in primary[link.target].sends.values())
        )
        return cls(
            frozenset(plays),
        )


@dataclass(slots=True)
class _Turns:
    """Numbers the turns in the order in which they began."""

    numbers: dict[int, int] = field(default_factory=dict)

    def number(self, cause: int) -> int:
        return self.numbers.setdefault(cause, len(self.numbers) + 1)


class CallRecorder(SessionWatcher):
    """Records one session.

    Sound is placed by its own time, so that it never drifts from the session's clock, which is placed
    on the wall clock once, when the session begins. Packets are those of `nodes`, or of all if there are none.
    """

    def __init__(
        self, file: RecordingFile, wall: Callable[[], int] = time.time_ns, nodes: Collection[str] = ()
    ) -> None:
        self._file = file
        self._wall = wall
        self._nodes = frozenset(nodes)
        self._session: Session | None = None
        self._ends = Ends(frozenset())
        self._began = False
        self._early: list[Event] = []
        """Events from before the session's clock began: members that could not be opened."""
        self._turns = _Turns()
        self._played = PlayedSound(lambda at, samples, rate: self._sound(at, "assistant", samples, rate))

    @property
    def path(self) -> str:
        """Where the recording is."""
        return str(self._file.path)

    def listen(self, session: Session) -> None:
        """Subscribes to all events of a session."""
        self._session = session
        self._ends = Ends.of(session.plan)
        session.bus.of(Event).subscribe(self._event)

    def wants(self, node: str, kind: type[Packet]) -> bool:
        """The sound that is played, and the kinds that are recorded."""
        return node in self._ends.players if kind is Audio else kind in PACKET_KINDS

    def hear(self, source: str, sound: Sequence[Audio]) -> None:
        """Takes the caller's sound; what a client does not send is left out: it is the gap between the rest."""
        now = self._now()
        for packet in sound:
            if not packet.absent:
                self._sound(packet.at.pts, "caller", packet.samples, packet.rate)
            if source in self._ends.players:
                self._played.sound_made(packet, packet.at.pts + packet.at.duration)
        self._played.advance(now)

    def observe(self, node: str, packet: Packet) -> None:
        """Takes an output of a node."""
        kind = packet.__class__
        if kind is Audio:
            self._played.sound_made(cast(Audio, packet), self._now())
        elif kind in PACKET_KINDS:
            size = 500
            if isinstance(packet, Speech):
                self._played.speech_made(packet)
                size += packet.samples.nbytes
            if not self._nodes or node in self._nodes:
                self._file.put(JsonItem(self._now(), packet_topic(node), packet, size))

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Writes a turn that is final."""
        entry = turn.as_json(self._turns.number(turn.cause))
        self._file.put(JsonItem(self._now(), TURNS, {**entry, "abandoned": abandoned}))

    def ended(self, end: CallEnd) -> None:
        """Completes the recording."""
        now = self._now()
        self._played.advance(now)
        self._file.finish({"outcome": end.outcome, "reason": end.reason, "duration": str(now)})

    def _event(self, event: Event) -> None:
        if event.__class__ is SoundPlayed:
            return
        if not self._began and self._session is not None and not self._session.is_open:
            self._early.append(event)
            return
        now = self._now()
        if isinstance(event, PlaybackProgress):
            self._played.progress(event, now)
        elif isinstance(event, TurnChanged):
            if event.what == "committed":
                self._turns.number(event.cause.id)
            self._played.turn_changed(event, now)
        self._file.put(JsonItem(now, event_topic(event), event))

    def _now(self) -> int:
        """The session's clock, nanoseconds; the first call places it on the wall clock."""
        now = self._session.clock.now() if self._session is not None else 0
        if not self._began:
            self._began = True
            self._file.began = self._wall() - now
            for event in self._early:
                self._file.put(JsonItem(0, event_topic(event), event))
        return now

    def _sound(self, at: int, side: Side, samples: Samples, rate: int) -> None:
        self._file.put(SoundItem(at, side, samples, rate))
