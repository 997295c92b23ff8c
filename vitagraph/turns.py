"""Tracks the turns of a session and the milestones of each."""

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
from pipeline.cause import Cause
from pipeline.events import BudgetExceeded
from pipeline.packet import Event, Packet
from pipeline.runtime.session import Session
from vitagraph.waterfall import TurnRecord, WaterfallPart

_PART_OF: Mapping[type[Packet], WaterfallPart] = {TextDelta: "text", Sentence: "sentence", Speech: "speech"}


class TurnTracker:
    """Tracks the turns of one session; calls `on_finished(turn)` once a turn is final.

    Keeps the latest `keep` turns, or all for 0.
    """

    def __init__(self, *, keep: int = 0, on_finished: Callable[[TurnRecord], None] = lambda turn: None) -> None:
        self._keep = keep
        self._on_finished = on_finished
        self._turns: dict[int, TurnRecord] = {}
        self._leads: dict[int, deque[int]] = {}
        """Durations of the quiet start of each speech that is not playing yet, by cause."""
        self._playing: dict[int, tuple[int, int]] = {}
        """Start of the current speech and the duration of its quiet start, by cause."""
        self.now: Callable[[], int] = lambda: 0
        """The session's clock, nanoseconds."""
        self._budget: int | None = None
        """The graph's budget from voice to voice, nanoseconds."""
        self._post: Callable[[Event], None] = lambda event: None

    def listen(self, session: Session) -> None:
        """Subscribes to the bus of a session that was made with `observe`, and posts BudgetExceeded on it."""
        self.now = session.clock.now
        self._budget = session.plan.budget.voice_to_voice
        self._post = session.bus.post
        session.bus.of(TurnChanged).subscribe(self.turn_changed)
        session.bus.of(PlaybackProgress).subscribe(self.played)

    @property
    def committed(self) -> list[TurnRecord]:
        """The committed turns, in order."""
        return [turn for turn in self._turns.values() if turn.committed]

    def observe(self, packet: Packet) -> None:
        """Takes every output of every node; an irrelevant kind costs one look-up."""
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

    def _reach(self, packet: Packet, part: WaterfallPart) -> None:
        self._turn(packet.at.cause.id).reached.setdefault(part, self.now())

    def turn_changed(self, event: TurnChanged) -> None:
        """Takes a decision of the turn node."""
        turn = self._turn(event.cause.id)
        if event.what == "committed":
            for before in self.committed:
                self._finish(before)  # a new turn makes all before it final
            turn.committed, turn.trace = True, event.cause.trace[3:35]
            turn.voice_end = event.voice_end
            turn.reached["decided"] = event.pts
        elif event.what == "interrupted":
            turn.interrupted = True
            if turn.cause not in self._playing:
                self._finish(turn)

    def played(self, event: PlaybackProgress) -> None:
        """Takes the playback progress of an answer."""
        turn = self._turn(event.cause.id)
        if not event.ended:
            self._begin_playing(turn)
            self._check_budget(turn, event.cause)
            return
        began, lead = self._playing.pop(turn.cause, (0, -1))
        if event.position <= lead and turn.reached.get("playing") == began:
            # It was cut off before it became audible.
            del turn.reached["playing"], turn.reached["audible"]
        if event.text:
            turn.said = f"{turn.said} {event.text}".strip()
        if event.last or turn.interrupted:
            self._finish(turn)

    def _begin_playing(self, turn: TurnRecord) -> None:
        leads = self._leads.get(turn.cause)
        began, lead = self._playing[turn.cause] = self.now(), leads.popleft() if leads else 0
        if "audible" not in turn.reached:
            turn.reached["playing"] = began
            turn.reached["audible"] = began + lead

    def _check_budget(self, turn: TurnRecord, cause: Cause) -> None:
        took, budget = turn.silence, self._budget
        if budget is None or took is None or took <= budget or turn.over_budget or not turn.committed:
            return
        parts = turn.parts()
        turn.over_budget = max(parts, key=lambda part: parts[part])
        self._post(BudgetExceeded(self.now(), cause, "voice_to_voice", budget, took, turn.over_budget))

    def _finish(self, turn: TurnRecord) -> None:
        if turn.committed and not turn.finished:
            turn.finished = True
            self._on_finished(turn)


def quiet_lead(samples: Samples, rate: int) -> int:
    """Nanoseconds before the first audible sample."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    return duration_of(int(loud[0]) if loud.size else len(samples), rate)
