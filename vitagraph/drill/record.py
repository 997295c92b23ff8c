"""What happened in a session that is drilled: each turn's answer as it was made and as it was heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nodes.packets import PlaybackProgress, Sentence, TextDelta
from pipeline.events import NodeFailed, NodeRecovered, NodeRetries
from pipeline.packet import Packet
from pipeline.runtime.session import Session
from vitagraph.turns import Turns
from vitagraph.waterfall import TurnRecord


@dataclass(slots=True)
class Answer:
    """What one turn was answered; times on the session's clock, nanoseconds."""

    written: list[str] = field(default_factory=list)
    """The pieces of text that dialogues made."""
    cut: list[str] = field(default_factory=list)
    """The sentences that were made of them."""
    played: list[tuple[int, int, str]] = field(default_factory=list)
    """What was played or shown: from, until, its words."""
    ends: int = 0
    """How often it was over."""


class Record:
    """Observes one session. `over(turn)` is told of each turn when it is over."""

    def __init__(self, over: Callable[[TurnRecord], None] = lambda _: None) -> None:
        self.answers: dict[int, Answer] = {}
        """By the turn's cause."""
        self.failed: list[NodeFailed] = []
        self.retried: list[NodeRetries] = []
        self.recovered: list[NodeRecovered] = []
        self.turns = Turns(over=over)
        self._began: dict[int, int] = {}
        self._now: Callable[[], int] = lambda: 0

    def listen(self, session: Session) -> None:
        """Subscribes to the session's bus; its `observe` is given when the session is made."""
        self._now = session.clock.now
        self.turns.listen(session)
        session.bus.of(PlaybackProgress).subscribe(self._played)
        session.bus.of(NodeFailed).subscribe(self.failed.append)
        session.bus.of(NodeRetries).subscribe(self.retried.append)
        session.bus.of(NodeRecovered).subscribe(self.recovered.append)

    def answer(self, turn: TurnRecord) -> Answer:
        """That of a turn."""
        return self.answers.setdefault(turn.cause, Answer())

    def observe(self, _node: str, packet: Packet) -> None:
        """Called by the engine for every output of every node."""
        self.turns.observe(packet)
        kind = packet.__class__
        if kind not in (TextDelta, Sentence):
            return
        answer = self.answers.setdefault(packet.at.cause.id, Answer())
        if isinstance(packet, TextDelta):
            answer.written.append(packet.text)
        elif isinstance(packet, Sentence):
            answer.cut.append(packet.shown or packet.text)

    def _played(self, event: PlaybackProgress) -> None:
        cause = event.cause.id
        if not event.ended:
            self._began[cause] = self._now()
            return
        answer = self.answers.setdefault(cause, Answer())
        answer.played.append((self._began.pop(cause, self._now()), self._now(), event.text))
        answer.ends += event.last
