"""Keeps the timeline of one session while it runs: bounded, and without its sound."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from nodes.face.arkit import INDEX
from nodes.packets import (
    Audio,
    AvatarFrames,
    PlaybackProgress,
    Speech,
    SpeechEnd,
    SpeechStart,
    Transcript,
    TurnChanged,
)
from pipeline.events import Abandoned, BudgetExceeded, Flushed, NodeFailed, NodeRecovered, NodeRetries
from pipeline.packet import MILLISECOND, SECOND, Packet
from pipeline.runtime.session import Session
from vitagraph.observe.call_metrics import end_of
from vitagraph.observe.client_events import ClientNetwork, Rated
from vitagraph.observe.envelope import STEP, PeakTrack, envelope
from vitagraph.observe.timeline import (
    CauseChange,
    CauseEvent,
    Envelope,
    FaceSpan,
    PlayedSentence,
    QueueSample,
    Span,
    Timeline,
    Trouble,
    TurnEntry,
)
from vitagraph.observe.unanswered import why_unanswered
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.waterfall import TurnRecord

T = TypeVar("T")

MOST = 2_000
"""Entries of each kind that are kept; the oldest are dropped."""
MOST_TURNS = 500
_JAW = INDEX["jawOpen"]


class Bounded(deque[T]):
    """The latest entries; counts those that were dropped."""

    def __init__(self, most: int = MOST) -> None:
        super().__init__(maxlen=most)
        self.dropped = 0

    def append(self, entry: T) -> None:
        """Adds one, in place of the oldest if there is no room."""
        self.dropped += len(self) == self.maxlen
        super().append(entry)


@dataclass(slots=True)
class _Sounding:
    """A speech that was made, and is played or about to be; times in nanoseconds."""

    pts: int
    duration: int
    peaks: bytes
    began: int | None = None
    shown: PlayedSentence | None = None


@dataclass(slots=True)
class _AnswerTrack:
    """What is known of the answer to one cause while it is made."""

    firsts: dict[str, float] = field(default_factory=dict)
    waiting: deque[_Sounding] = field(default_factory=lambda: deque(maxlen=64))
    playing: _Sounding | None = None
    played: list[tuple[int, int, int]] = field(default_factory=list)
    """pts, end and beginning of the playback of each speech."""


class SessionTimeline(SessionWatcher):
    """The timeline of a session. `document` gives it at any moment, also after the end.

    A session of an hour takes about 300 kB: 144 kB for the loudness of both sides, the rest for its turns.
    """

    def __init__(self, id: str, graph: str, kind: Literal["call", "replay"] = "call") -> None:
        self.id, self.graph, self.kind = id, graph, kind
        self.began = time.time()
        """Seconds since 1970."""
        self.end: CallEnd | None = None
        self.turns: dict[int, TurnEntry] = {}
        """By cause, in order."""
        self.fallbacks: set[str] = set()
        """Nodes whose work is done by another member than the primary."""
        self.errors: Counter[str] = Counter()
        """Failures of each node by a fault."""
        self.silences: list[float] = []
        """Of the answered turns, milliseconds."""
        self._voice = PeakTrack()
        self._answers_sound = PeakTrack()
        self._speech: Bounded[Span] = Bounded()
        self._causes: Bounded[CauseEvent] = Bounded()
        self._played: Bounded[PlayedSentence] = Bounded()
        self._troubles: Bounded[Trouble] = Bounded()
        self._queues: Bounded[QueueSample] = Bounded()
        self._faces: Bounded[FaceSpan] = Bounded()
        self._unanswered: dict[str, int] = {}
        """When each node last failed and nothing took over."""
        self._answers: dict[int, _AnswerTrack] = {}
        self._transcripts: dict[int, Transcript] = {}
        self._voice_began: int | None = None
        self._turn_began: int | None = None
        self._sampled = 0
        self._duration = 0
        self._turns_dropped = 0
        self._session: Session | None = None
        self._now: Callable[[], int] = lambda: 0
        self._handlers: dict[type[Packet], Callable[[Any], None]] = {
            SpeechStart: self._voice_starts,
            SpeechEnd: self._voice_ends,
            Transcript: self._transcribed,
            Speech: self._spoken,
            AvatarFrames: self._animated,
        }

    # --- what a watcher sees

    def listen(self, session: Session) -> None:
        """Subscribes to the bus of a session."""
        self._session, self._now = session, session.clock.now
        bus = session.bus
        bus.of(TurnChanged).subscribe(self._turn_changed)
        bus.of(PlaybackProgress).subscribe(self._progress)
        bus.of(Rated).subscribe(self._rated)
        bus.of(ClientNetwork).subscribe(self._networked)
        bus.of(NodeFailed).subscribe(self._failed)
        bus.of(NodeRetries).subscribe(
            lambda event: self.note("retries", event.node, event.member, event.category, at=event.pts)
        )
        bus.of(NodeRecovered).subscribe(self._recovered)
        bus.of(Abandoned).subscribe(
            lambda event: self.note("abandoned", event.node, message=" < ".join(event.where[:2]), at=event.pts)
        )
        bus.of(Flushed).subscribe(self._flushed)
        bus.of(BudgetExceeded).subscribe(
            lambda event: self.note(
                "over_budget", message=f"{_ms(event.took):.0f} ms, most of it {event.part}", at=event.pts
            )
        )

    def wants(self, node: str, kind: type[Packet]) -> bool:
        """All but the sound between nodes."""
        return kind is not Audio

    def hear(self, source: str, sound: Sequence[Audio]) -> None:
        """Takes the caller's sound."""
        self._voice.add([packet.samples for packet in sound], [packet.at.pts for packet in sound])
        if sound[-1].at.pts - self._sampled >= SECOND:
            self._sample_queues()

    def observe(self, node: str, packet: Packet) -> None:
        """Takes an output of any node."""
        kind = packet.__class__
        if cause := packet.at.cause.id:
            self._answer(cause).firsts.setdefault(node, _ms(self._now()))
        handle = self._handlers.get(kind)
        if handle is not None:
            handle(packet)

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Takes a turn that is final."""
        entry = self.turns.get(turn.cause)
        if entry is None:
            return
        entry.trace = turn.trace
        entry.said, entry.over_budget = turn.said, turn.over_budget
        entry.heard = entry.heard or turn.heard.strip()
        entry.parts = {part: _ms(duration) for part, duration in turn.parts().items()}
        entry.reached = {part: _ms(at) for part, at in turn.reached.items()}
        entry.firsts = self._answer(turn.cause).firsts
        if turn.silence is not None and not entry.typed:
            entry.silence = _ms(turn.silence)
            self.silences.append(entry.silence)
        entry.outcome = end_of(turn, abandoned=abandoned)
        if turn.outcome == "unanswered":
            entry.why = why_unanswered(entry, self._troubles, self._causes)

    def ended(self, end: CallEnd) -> None:
        """Lets go of the session."""
        self._duration = self._now()
        self.end, self._session = end, None
        self._now = lambda: self._duration
        self._answers.clear()

    def note(
        self,
        kind: Any,
        node: str = "",
        member: str = "",
        message: str = "",
        answered_by: str = "",
        reason: str = "",
        at: int | None = None,
    ) -> None:
        """Adds a trouble, now or at a time in nanoseconds."""
        when = _ms(self._now() if at is None else at)
        self._troubles.append(Trouble(when, kind, node, member, message, answered_by, reason))

    def failed_lately(self, node: str, within: float) -> bool:
        """Whether nothing took over from a node that failed within so many milliseconds."""
        at = self._unanswered.get(node)
        return at is not None and self.duration - _ms(at) <= within

    # --- the document

    @property
    def duration(self) -> float:
        """Milliseconds so far."""
        return _ms(self._now())

    def document(self) -> Timeline:
        """The timeline as it is now."""
        lists = (self._speech, self._causes, self._played, self._troubles, self._queues, self._faces)
        return Timeline(
            self.id,
            self.graph,
            self.began,
            self.duration,
            kind=self.kind,
            outcome=self.end.outcome if self.end else "",
            reason=self.end.reason if self.end else "",
            caller=Envelope(peaks=list(self._voice.peaks)),
            assistant=Envelope(peaks=list(self._answers_sound.peaks)),
            speech=[*self._speech, *self._open_speech()],
            turns=list(self.turns.values()),
            causes=list(self._causes),
            playbacks=list(self._played),
            troubles=list(self._troubles),
            queues=list(self._queues),
            face=list(self._faces),
            left_out=sum(each.dropped for each in lists) + self._turns_dropped,
        )

    def _open_speech(self) -> Iterator[Span]:
        if self._voice_began is not None:
            yield Span(_ms(self._voice_began), self.duration)

    # --- packets

    def _answer(self, cause: int) -> _AnswerTrack:
        answer = self._answers.get(cause)
        if answer is None:
            answer = self._answers[cause] = _AnswerTrack()
            if len(self._answers) > 16:
                self._answers.pop(next(iter(self._answers)))
        return answer

    def _voice_starts(self, packet: SpeechStart) -> None:
        self._voice_began = packet.at.pts
        if self._turn_began is None:
            self._turn_began = packet.at.pts

    def _voice_ends(self, packet: SpeechEnd) -> None:
        if self._voice_began is not None:
            self._speech.append(Span(_ms(self._voice_began), _ms(packet.at.pts)))
            self._voice_began = None

    def _transcribed(self, packet: Transcript) -> None:
        if packet.whole:
            entry = self.turns.get(packet.at.cause.id)
            if entry is None:
                self._transcripts = {packet.at.cause.id: packet}
            else:
                _fill_in(entry, packet)

    def _spoken(self, packet: Speech) -> None:
        peaks = envelope(packet.samples, packet.rate)
        self._answer(packet.at.cause.id).waiting.append(_Sounding(packet.at.pts, packet.at.duration, peaks))

    def _animated(self, packet: AvatarFrames) -> None:
        rows = max(1, packet.rate * STEP // SECOND)
        jaw = (packet.weights[::rows, _JAW] * 255).astype(int).tolist()
        start = _ms(packet.at.pts)
        self._faces.append(FaceSpan(start, start + _ms(packet.at.duration), packet.at.cause.id, jaw))

    def _sample_queues(self) -> None:
        now = self._sampled = self._now()
        if self._session is None or not self._session.is_open:
            return
        for link in self._session.wiring.links.values():
            if depth := len(link.items):
                self._queues.append(QueueSample(_ms(now), link.name, depth, _ms(link.statistics().age)))

    # --- events

    def _turn_changed(self, event: TurnChanged) -> None:
        cause = event.cause.id
        self._causes.append(CauseEvent(_ms(event.pts), cause, cast(CauseChange, event.what), event.reason))
        if event.what != "committed" or event.reason == "prompt":
            return
        typed = event.reason == "typed"
        start = event.voice_end if typed or self._turn_began is None else self._turn_began
        self._turn_began = None
        number = len(self.turns) + self._turns_dropped + 1
        budget = self._session.plan.budget.voice_to_voice if self._session is not None else None
        entry = TurnEntry(number, cause, _ms(start), _ms(event.voice_end), typed, None)
        entry.budget = None if budget is None else _ms(budget)
        if (transcript := self._transcripts.pop(cause, None)) is not None:
            _fill_in(entry, transcript)
        self.turns[cause] = entry
        if len(self.turns) > MOST_TURNS:
            self.turns.pop(next(iter(self.turns)))
            self._turns_dropped += 1

    def _progress(self, event: PlaybackProgress) -> None:
        answer = self._answer(event.cause.id)
        if not event.ended:
            sounding = answer.waiting.popleft() if answer.waiting else _Sounding(0, event.duration, b"")
            sounding.began = self._now()
            sounding.shown = PlayedSentence(event.cause.id, _ms(sounding.began), None, event.speech)
            answer.playing = sounding
            self._played.append(sounding.shown)
            return
        sounding, answer.playing = answer.playing or _Sounding(0, 0, b""), None
        if sounding.shown is None or sounding.began is None:
            return
        sounding.shown.end, sounding.shown.text = _ms(self._now()), event.text
        sounding.shown.cut = event.position < event.duration - 20 * MILLISECOND
        self._answers_sound.place(sounding.peaks[: -(-event.position // STEP)], sounding.began)
        self._shift_faces(event.cause.id, sounding, event.position)

    def _shift_faces(self, cause: int, sounding: _Sounding, position: int) -> None:
        """Puts the frames of a speech to the time at which it was played; those that were cut off are dropped."""
        first, last, shift = _ms(sounding.pts), _ms(sounding.pts + position), _ms((sounding.began or 0) - sounding.pts)
        for index in range(len(self._faces) - 1, max(-1, len(self._faces) - 200), -1):
            face = self._faces[index]
            if face.cause == cause and first - 1 <= face.start < _ms(sounding.pts + sounding.duration):
                kept = face.start < last
                moved = FaceSpan(face.start + shift, face.end + shift, cause, face.jaw if kept else [])
                self._faces[index] = moved

    def _rated(self, event: Rated) -> None:
        if event.cause is not None and (entry := self.turns.get(event.cause)) is not None:
            entry.rating = event.value

    def _networked(self, event: ClientNetwork) -> None:
        if (entry := self.turns.get(event.cause)) is not None:
            measured = {"rtt": event.rtt, "jitter_buffer": event.jitter_buffer, "playout": event.playout}
            entry.network = {name: value for name, value in measured.items() if value is not None}

    def _failed(self, event: NodeFailed) -> None:
        self.errors[event.node] += event.reason == "fault"
        if event.answered_by:
            self.fallbacks.add(event.node)
        elif event.reason == "fault":
            self._unanswered[event.node] = event.pts
        self.note("failed", event.node, event.member, event.category, event.answered_by, event.reason, event.pts)

    def _recovered(self, event: NodeRecovered) -> None:
        self.fallbacks.discard(event.node)
        self.note("recovered", event.node, event.member, at=event.pts)

    def _flushed(self, event: Flushed) -> None:
        if event.late:
            self.note("late_flush", event.origin, message=", ".join(event.late), at=event.pts)


def _fill_in(entry: TurnEntry, transcript: Transcript) -> None:
    entry.heard = transcript.text.strip()
    entry.language = transcript.language
    entry.confidence = round(transcript.confidence, 3) if transcript.text.strip() else None


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / MILLISECOND, 3)
