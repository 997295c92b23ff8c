"""Measures what one session is like for the person."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from nodes.packets import Audio, SpeechEnd, SpeechStart, Transcript, TurnChanged
from nodes.webrtc.transport.peer import PeerStatistics
from pipeline.events import NodeFailed
from pipeline.packet import MILLISECOND, Packet
from pipeline.runtime.session import Session
from vitagraph.observe.call_metrics import end_of
from vitagraph.observe.client_events import ClientNetwork, Rated
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.quality.clarity import SpeechClarity
from vitagraph.quality.network import NetworkQuality
from vitagraph.quality.record import QualityRecord
from vitagraph.waterfall import TurnRecord, percentile

MOST = 1_000
"""Values of one session that are kept: its first silences, its latest ratings and typed turns."""

Key = TypeVar("Key")
Value = TypeVar("Value")
Network = Callable[[], PeerStatistics | None]
"""The counts of a call's transport so far; None where it has none."""


class SessionQuality(SessionWatcher):
    """Listens to one session, and gives `done` its record at the end.

    `network` is read once a second of the caller's sound; `now` is a clock in seconds.
    """

    def __init__(
        self,
        session: str,
        graph: str,
        done: Callable[[QualityRecord], None],
        *,
        network: Network = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clarity = SpeechClarity()
        self.network = NetworkQuality(network)
        self._session, self._graph, self._done, self._now = session, graph, done, now
        self._began, self._began_at = time.time(), now()
        self._turns = self._answered = self._unanswered = self._interruptions = 0
        self._silences: list[int] = []
        self._barge_ins: list[int] = []
        self._unspoken: dict[int, str] = {}
        """Why no voice began a turn, by its cause: `typed`, or `prompt` for what a silent caller was told."""
        self._confidence = [0.0, 0]
        """Sum and number."""
        self._ratings: dict[str, int] = {}
        self._fallbacks: dict[str, None] = {}

    def listen(self, session: Session) -> None:
        """Subscribes to the bus of a session before it runs."""
        session.bus.of(TurnChanged).subscribe(self.turn_changed)
        session.bus.of(NodeFailed).subscribe(self.node_failed)
        session.bus.of(Rated).subscribe(lambda event: self.rated(event.response, event.value))
        session.bus.of(ClientNetwork).subscribe(self.client_measured)

    def wants(self, node: str, kind: type[Packet]) -> bool:
        """What is made of the caller's sound."""
        return kind in (SpeechStart, SpeechEnd, Transcript)

    def hear(self, source: str, sound: Sequence[Audio]) -> None:
        """Takes the caller's sound."""
        self.clarity.add(sound)
        self.network.heard(sum(packet.at.duration for packet in sound))

    def observe(self, node: str, packet: Packet) -> None:
        """Takes an output of a node."""
        kind = packet.__class__
        if kind is SpeechStart:
            self.clarity.speech_began(packet.at.pts)
        elif kind is SpeechEnd:
            self.clarity.speech_ended(packet.at.pts)
        elif isinstance(packet, Transcript) and packet.whole and packet.text.strip():
            self._transcribed(packet)

    def turn_changed(self, event: TurnChanged) -> None:
        """Takes a decision of the turn node."""
        if event.what == "committed" and event.reason in ("typed", "prompt"):
            _keep(self._unspoken, event.cause.id, event.reason)

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Counts a turn that is final."""
        unspoken = self._unspoken.pop(turn.cause, "")
        if unspoken == "prompt":
            return
        self._turns += 1
        end = end_of(turn, abandoned=abandoned)
        self._answered += end in ("answered", "interrupted")
        self._unanswered += end == "unanswered"
        if turn.silence is not None and not unspoken and len(self._silences) < MOST:
            self._silences.append(turn.silence)

    def interrupted(self, silence: int | None) -> None:
        """The person stopped an answer; with a voice, so many nanoseconds after it began the answer was silent."""
        self._interruptions += 1
        if silence is not None and len(self._barge_ins) < MOST:
            self._barge_ins.append(silence)

    def node_failed(self, event: NodeFailed) -> None:
        """Takes a failure; the name of a node is one of the graph's."""
        if event.answered_by and len(self._fallbacks) < MOST:
            self._fallbacks[event.node] = None

    def client_measured(self, event: ClientNetwork) -> None:
        """Takes what a client measured of its network."""
        waited = [each for each in (event.jitter_buffer, event.playout) if each is not None]
        self.network.client_reported(rtt_ms=event.rtt, playout_ms=sum(waited) if waited else None)

    def rated(self, response: str, value: int) -> None:
        """The person rated an answer: 1 or -1. The last rating of an answer counts."""
        _keep(self._ratings, response, value)

    def ended(self, end: CallEnd) -> None:
        """Hands over the record."""
        self._done(self.record(end.outcome))

    def record(self, outcome: str) -> QualityRecord:
        """What was measured so far."""
        total, count = self._confidence
        ratings = list(self._ratings.values())
        return QualityRecord(
            session=self._session,
            graph=self._graph,
            began=self._began,
            duration_s=self._now() - self._began_at,
            outcome=outcome,
            turns=self._turns,
            answered=self._answered,
            unanswered=self._unanswered,
            interruptions=self._interruptions,
            silences_ms=tuple(each / MILLISECOND for each in self._silences),
            silence_p50_ms=_ms(percentile(self._silences, 0.5)),
            silence_p95_ms=_ms(percentile(self._silences, 0.95)),
            barge_in_ms=statistics.median(self._barge_ins) / MILLISECOND if self._barge_ins else None,
            snr_db=self.clarity.snr_db(),
            asr_confidence=total / count if count else None,
            liked=sum(value > 0 for value in ratings),
            disliked=sum(value < 0 for value in ratings),
            fallbacks=tuple(self._fallbacks),
            **self.network.measured(),
        )

    def _transcribed(self, packet: Transcript) -> None:
        # Typed text and prepared sentences were not recognised.
        if packet.at.cause.id in self._unspoken or packet.answer or not packet.confidence:
            return
        self._confidence[0] += packet.confidence
        self._confidence[1] += 1


def _keep(known: dict[Key, Value], key: Key, value: Value) -> None:
    """The latest `MOST` stay."""
    known.pop(key, None)
    known[key] = value
    if len(known) > MOST:
        del known[next(iter(known))]


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / MILLISECOND
