"""Follows the turns of a session: when each of them reached which stage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from nodes.packets import (
    AUDIBLE,
    PlaybackProgress,
    Samples,
    Sentence,
    Speech,
    TextDelta,
    Transcript,
    TurnChanged,
    duration_of,
)
from pipeline.packet import Packet
from pipeline.runtime.session import Session
from vitagraph.waterfall import Part, TurnRecord

_PART_OF: Mapping[type[Packet], Part] = {TextDelta: "text", Sentence: "sentence", Speech: "speech"}


class Turns:
    """The turns of one session. `over(turn)` is told of each once nothing will be added to it.

    `keep` is how many are remembered, the latest; 0 remembers all.
    """

    def __init__(self, *, keep: int = 0, over: Callable[[TurnRecord], None] = lambda turn: None) -> None:
        self._keep = keep
        self._over = over
        self._turns: dict[int, TurnRecord] = {}
        self._committed: set[int] = set()
        self._told: set[int] = set()
        """Causes whose turn is over."""
        self._leads: dict[int, deque[int]] = {}
        """The quiet beginnings of the speeches that have not begun to play, by cause."""
        self._playing: dict[int, tuple[int, int]] = {}
        """When the speech that plays began, and how long it is quiet at first, by cause."""
        self._now: Callable[[], int] = lambda: 0

    def listen(self, session: Session) -> None:
        """Subscribes to the session's bus; its `observe` is given when the session is made."""
        self._now = session.clock.now
        session.bus.of(TurnChanged).subscribe(self._turn_changed)
        session.bus.of(PlaybackProgress).subscribe(self._played)

    @property
    def committed(self) -> list[TurnRecord]:
        """The turns that were committed, in their order."""
        return [turn for cause, turn in self._turns.items() if cause in self._committed]

    def observe(self, packet: Packet) -> None:
        """Receives every output of every node; kinds of no interest cost a look-up."""
        kind = packet.__class__
        if kind in _PART_OF:
            self._reach(packet, _PART_OF[kind])
            if isinstance(packet, Speech):
                self._leads.setdefault(packet.at.cause.id, deque()).append(quiet_lead(packet.samples, packet.rate))
        elif isinstance(packet, Transcript) and packet.whole:
            self._reach(packet, "transcript")
            self._turn(packet.at.cause.id).heard = packet.text

    def _turn(self, cause: int) -> TurnRecord:
        turn = self._turns.get(cause)
        if turn is None:
            turn = self._turns[cause] = TurnRecord(cause, 0)
            if self._keep and len(self._turns) > self._keep:
                self._forget(next(iter(self._turns)))
        return turn

    def _forget(self, cause: int) -> None:
        for known in (self._turns, self._leads, self._playing):
            known.pop(cause, None)
        self._committed.discard(cause)
        self._told.discard(cause)

    def _reach(self, packet: Packet, stage: Part) -> None:
        self._turn(packet.at.cause.id).reached.setdefault(stage, self._now())

    def _turn_changed(self, event: TurnChanged) -> None:
        turn = self._turn(event.cause.id)
        if event.what == "committed":
            for before in self.committed:
                self._tell(before)  # whatever became of it, nothing more will
            self._committed.add(turn.cause)
            turn.voice_end = event.voice_end
            turn.reached["decided"] = event.pts
        elif event.what == "interrupted":
            turn.interrupted = True
            if turn.cause not in self._playing:
                self._tell(turn)

    def _played(self, event: PlaybackProgress) -> None:
        turn = self._turn(event.cause.id)
        if not event.ended:
            self._begin_playing(turn)
            return
        began, lead = self._playing.pop(turn.cause, (0, -1))
        if event.position <= lead and turn.reached.get("playing") == began:
            # It was cut off while it was still quiet.
            del turn.reached["playing"], turn.reached["audible"]
        if event.text:
            turn.said = f"{turn.said} {event.text}".strip()
        if event.last or turn.interrupted:
            self._tell(turn)

    def _begin_playing(self, turn: TurnRecord) -> None:
        leads = self._leads.get(turn.cause)
        began, lead = self._playing[turn.cause] = self._now(), leads.popleft() if leads else 0
        if "audible" not in turn.reached:
            turn.reached["playing"] = began
            turn.reached["audible"] = began + lead

    def _tell(self, turn: TurnRecord) -> None:
        if turn.cause in self._committed and turn.cause not in self._told:
            self._told.add(turn.cause)
            self._over(turn)


def quiet_lead(samples: Samples, rate: int) -> int:
    """Nanoseconds before the first sample that can be heard."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    return duration_of(int(loud[0]) if loud.size else len(samples), rate)
