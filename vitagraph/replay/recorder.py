"""Records a session: transcripts, turns and their milestones, failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from nodes.media.source import MediaDamaged
from nodes.packets import Audio, PlaybackProgress, Transcript
from pipeline.events import NodeFailed
from pipeline.packet import MILLISECOND, Packet, Stamp
from pipeline.runtime.session import Session
from vitagraph.observe.watcher import CallEnd, SessionWatcher, Watchers
from vitagraph.turns import TurnTracker
from vitagraph.waterfall import TurnRecord


@dataclass(frozen=True, slots=True)
class TimedTranscript:
    """A transcript and when it arrived, nanoseconds."""

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
    """Observes one session, with further `watchers`; calls `progress` with the nanoseconds of audio heard so far."""

    def __init__(
        self, progress: Callable[[int], None] = lambda _: None, watchers: Sequence[SessionWatcher] = ()
    ) -> None:
        self.heard = 0
        """Nanoseconds of input audio."""
        self.spoken = 0
        """Nanoseconds of speech played."""
        self.began = 0.0
        """Time of the first packet, in seconds of `time.perf_counter`."""
        self.transcripts: list[TimedTranscript] = []
        self.failures: list[NodeFailed] = []
        self.damages: list[MediaDamaged] = []
        """The transcripts, by identity: each comes over several links."""
        self._start: int | None = None
        self._watchers = Watchers(watchers)
        self._turns = TurnTracker(on_finished=self._watchers.turn_over)
        self._said: list[str] = []
        self._progress = progress
        self._now: Callable[[], int] = lambda: 0

    def listen(self, session: Session) -> None:
        """Subscribes to the bus of a session that was made with `observe`."""
        self._now = session.clock.now
        self._watchers.listen(session)
        self._turns.listen(session)
        session.bus.of(PlaybackProgress).subscribe(self._played)
        session.bus.of(NodeFailed).subscribe(self.failures.append)
        session.bus.of(MediaDamaged).subscribe(self.damages.append)

    def ended(self, end: CallEnd) -> None:
        """The session is over."""
        for turn in self.turns:
            if not turn.finished:
                self._watchers.turn_over(turn, abandoned=True)
        self._watchers.ended(end)

    @property
    def turns(self) -> list[TurnRecord]:
        """The committed turns, in order."""
        return self._turns.committed

    @property
    def said(self) -> str:
        """All speech as far as it was played, whether or not it answered a turn."""
        return " ".join(self._said)

    def observe(self, node: str, packet: Packet) -> None:
        """Called by the engine for every output of every node."""
        self._watchers.observe(node, packet)
        if not self.began:
            self.began = perf_counter()
        if packet.__class__ is Audio:
            self._hear(packet.at)
            return
        self._turns.observe(packet)
        if isinstance(packet, Transcript):
            self.transcripts.append(TimedTranscript(self._now(), packet))

    def _hear(self, at: Stamp) -> None:
        if self._start is None:
            self._start = at.pts
        heard = at.pts + at.duration - self._start
        if heard > self.heard:
            self.heard = heard
            self._progress(heard)

    def _played(self, event: PlaybackProgress) -> None:
        if event.ended:
            self.spoken += event.position
            if event.text:
                self._said.append(event.text)
