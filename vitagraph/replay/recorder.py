"""Writes down what happens in a session: words, turns, and when each stage was reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from nodes.media.source import MediaDamaged
from nodes.packets import Audio, Played, Samples, Sentence, Speech, TextDelta, Transcript, TurnChanged, duration_of
from pipeline.events import NodeFailed
from pipeline.packet import MILLISECOND, Packet, Stamp
from pipeline.session import Session
from vitagraph.replay.waterfall import Stage, Turn

AUDIBLE = 184
"""Of 32768: -45 dB below full scale. What stays under it is heard as silence."""

_STAGE_OF: dict[type[Packet], Stage] = {TextDelta: "text", Sentence: "sentence", Speech: "speech"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A transcript, and when it came."""

    at: int
    transcript: Transcript

    def as_json(self) -> dict[str, Any]:
        """A line of transcript.jsonl, in milliseconds."""
        stamp, transcript = self.transcript.at, self.transcript
        line: dict[str, Any] = {
            "start": stamp.pts / MILLISECOND,
            "end": (stamp.pts + stamp.duration) / MILLISECOND,
            "at": self.at / MILLISECOND,
            "cause": stamp.cause.id,
            "whole": transcript.whole,
            "committed": stamp.cause.committed,
            "text": transcript.text,
            "language": transcript.language,
            "confidence": round(transcript.confidence, 3),
        }
        if transcript.words:
            line["words"] = [[word.text, word.start / MILLISECOND, word.end / MILLISECOND] for word in transcript.words]
        return line


class Recorder:
    """Observes one session. `progress(nanoseconds)` is told how much of the clip has been heard."""

    def __init__(self, progress: Callable[[int], None] = lambda _: None) -> None:
        self.heard = 0
        """Nanoseconds of audio that came in."""
        self.spoken = 0
        """Nanoseconds of speech that were played."""
        self.began = 0.0
        """When the first packet came, in seconds of `time.perf_counter`."""
        self.transcripts: list[Spoken] = []
        self.failures: list[NodeFailed] = []
        self.damages: list[MediaDamaged] = []
        self._seen: set[int] = set()
        """The transcripts, by identity: each comes over several links."""
        self._start: int | None = None
        self._turns: dict[int, Turn] = {}
        self._committed: set[int] = set()
        self._said: list[str] = []
        self._last_speech: Speech | None = None
        self._leads: dict[int, deque[int]] = {}
        """The quiet beginnings of the speeches that have not begun to play, by cause."""
        self._playing: dict[int, tuple[int, int]] = {}
        """When the speech that plays began, and how long it is quiet at first, by cause."""
        self._progress = progress
        self._now: Callable[[], int] = lambda: 0

    def listen(self, session: Session) -> None:
        """Subscribes to the session's bus; its `observe` is given when the session is made."""
        self._now = session.clock.now
        session.bus.of(TurnChanged).subscribe(self._turn_changed)
        session.bus.of(Played).subscribe(self._played)
        session.bus.of(NodeFailed).subscribe(self.failures.append)
        session.bus.of(MediaDamaged).subscribe(self.damages.append)

    @property
    def turns(self) -> list[Turn]:
        """The turns that were committed, in their order."""
        return [turn for cause, turn in self._turns.items() if cause in self._committed]

    @property
    def said(self) -> str:
        """All that was said, as far as it was played, whether or not it answered a turn."""
        return " ".join(self._said)

    def observe(self, _link: object, packet: Packet) -> None:
        """Called by the engine for every packet on every link."""
        if not self.began:
            self.began = perf_counter()
        kind = packet.__class__
        if kind is Audio:
            self._hear(packet.at)
        elif kind in _STAGE_OF:
            self._reach(packet, _STAGE_OF[kind])
            if isinstance(packet, Speech) and packet is not self._last_speech:
                self._last_speech = packet
                self._leads.setdefault(packet.at.cause.id, deque()).append(quiet_lead(packet.samples, packet.rate))
        elif isinstance(packet, Transcript) and id(packet) not in self._seen:
            self._seen.add(id(packet))
            self.transcripts.append(Spoken(self._now(), packet))
            if packet.whole:
                self._reach(packet, "transcript")
                self._turn(packet.at.cause.id).heard = packet.text

    def _hear(self, at: Stamp) -> None:
        if self._start is None:
            self._start = at.pts
        heard = at.pts + at.duration - self._start
        if heard > self.heard:
            self.heard = heard
            self._progress(heard)

    def _turn(self, cause: int) -> Turn:
        return self._turns.setdefault(cause, Turn(cause, 0))

    def _reach(self, packet: Packet, stage: Stage) -> None:
        self._turn(packet.at.cause.id).reached.setdefault(stage, self._now())

    def _turn_changed(self, event: TurnChanged) -> None:
        turn = self._turn(event.cause.id)
        if event.what == "committed":
            self._committed.add(event.cause.id)
            turn.voice_end = event.voice_end
            turn.reached["decided"] = event.pts
        elif event.what == "interrupted":
            turn.interrupted = True

    def _played(self, event: Played) -> None:
        turn = self._turn(event.cause.id)
        if not event.ended:
            self._begin_playing(turn)
            return
        began, lead = self._playing.pop(turn.cause, (0, -1))
        if event.position <= lead and turn.reached.get("playing") == began:
            # It was cut off while it was still quiet.
            del turn.reached["playing"], turn.reached["audible"]
        self.spoken += event.position
        if event.text:
            self._said.append(event.text)
            turn.said = f"{turn.said} {event.text}".strip()

    def _begin_playing(self, turn: Turn) -> None:
        leads = self._leads.get(turn.cause)
        began, lead = self._playing[turn.cause] = self._now(), leads.popleft() if leads else 0
        if "audible" not in turn.reached:
            turn.reached["playing"] = began
            turn.reached["audible"] = began + lead


def quiet_lead(samples: Samples, rate: int) -> int:
    """Nanoseconds before the first sample that can be heard."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    return duration_of(int(loud[0]) if loud.size else len(samples), rate)
