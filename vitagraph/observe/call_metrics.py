"""Counts what happens in one call, from the events on the bus of its session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from nodes.packets import PlaybackProgress, TurnChanged
from pipeline.events import NodeFailed, NodeRecovered
from pipeline.packet import SECOND
from pipeline.runtime.session import Session
from vitagraph.observe.counted import OTHER, CountedMetrics, InterruptionSource, TurnEnd
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.waterfall import TurnRecord

CUT_OFF = SECOND
"""Nanoseconds after the beginning of an answer in which a voice shows that the turn was not over."""
_SOURCES: Mapping[str, InterruptionSource] = {"typed": "text", "cancelled": "client"}
"""By the reason of the turn node; every other reason is a voice."""


@dataclass(slots=True)
class _HeardAnswer:
    """The answer that is being heard."""

    cause: int
    began: int
    """When its playback began, nanoseconds on the session's clock."""
    silence: int = 0
    """Nanoseconds from the start of the voice that holds it to its silence; 0 while nobody has spoken over it."""


class CallMetrics(SessionWatcher):
    """Listens to one session. `voice_began` gives the start of the latest voice, nanoseconds on its clock.

    A failure that names none of the graph's `nodes` counts for `other`.
    """

    def __init__(self, counted: CountedMetrics, nodes: Collection[str], voice_began: Callable[[], int]) -> None:
        self.fallbacks: set[str] = set()
        """Nodes whose work is done by another member than the primary."""
        self.on_interrupted: Callable[[int | None], None] = lambda silence: None
        """Called when a heard answer was stopped; by a voice, with nanoseconds from its start to the silence."""
        self._counted = counted
        self._nodes = nodes
        self._voice_began = voice_began
        self._now: Callable[[], int] = lambda: 0
        self._answer: _HeardAnswer | None = None
        self._unspoken: dict[int, str] = {}
        """Why no voice began a turn, by its cause: `typed`, or `prompt` for what a silent caller was told."""

    def listen(self, session: Session) -> None:
        """Subscribes to the bus of a session before it runs."""
        self._now = session.clock.now
        session.bus.of(TurnChanged).subscribe(self.turn_changed)
        session.bus.of(PlaybackProgress).subscribe(self.played)
        session.bus.of(NodeFailed).subscribe(self.node_failed)
        session.bus.of(NodeRecovered).subscribe(self.node_recovered)

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Counts a turn that is final; with `abandoned`, one that was not when its call ended."""
        unspoken = self._unspoken.pop(turn.cause, "")
        if unspoken == "prompt":
            return
        end = end_of(turn, abandoned=abandoned)
        self._counted.turns.labels(end).inc()
        if turn.silence is None or unspoken:
            return
        self._counted.turn_silence.labels(end).observe(turn.silence / SECOND)
        for part, duration in turn.parts().items():
            self._counted.turn_part.labels(part).observe(duration / SECOND)

    def ended(self, end: CallEnd) -> None:
        """Counts the call."""
        self._counted.calls.labels(end.outcome).inc()

    def turn_changed(self, event: TurnChanged) -> None:
        """Takes a decision of the turn node."""
        answer = self._answer
        if event.what == "committed" and event.reason in ("typed", "prompt"):
            self._unspoken[event.cause.id] = event.reason
        elif answer is None or event.cause.id != answer.cause:
            return
        elif event.what == "held":
            answer.silence = max(0, event.pts - self._voice_began())
        elif event.what == "released":
            answer.silence = 0
        elif event.what == "interrupted":
            self._interrupted(answer, event)

    def played(self, event: PlaybackProgress) -> None:
        """Takes the playback progress of an answer."""
        if not event.ended:
            if self._answer is None or self._answer.cause != event.cause.id:
                self._answer = _HeardAnswer(event.cause.id, self._now())
            return
        self._counted.audio_seconds.labels("out").inc(event.position / SECOND)
        self._counted.characters_spoken.inc(len(event.text))
        if event.last:
            self._answer = None

    def node_failed(self, event: NodeFailed) -> None:
        """Takes a failure: a fault, a limit without room, or a member that is still opening, which is neither."""
        node = event.node if event.node in self._nodes else OTHER
        if event.answered_by:
            self.fallbacks.add(node)
        if event.reason == "fault":
            self._counted.node_errors.labels(node, event.category).inc()
        elif event.reason == "limit":
            self._counted.limit_refusals.labels(node).inc()

    def node_recovered(self, event: NodeRecovered) -> None:
        """Takes the return of a primary member."""
        self.fallbacks.discard(event.node)

    def _interrupted(self, answer: _HeardAnswer, event: TurnChanged) -> None:
        source = _SOURCES.get(event.reason, "voice")
        self._counted.interruptions.labels(source).inc()
        self._answer = None
        if source != "voice":
            self.on_interrupted(None)
            return
        began = self._voice_began()
        silence = answer.silence or max(0, event.pts - began)
        self._counted.barge_in_silence.observe(silence / SECOND)
        self.on_interrupted(silence)
        if began - answer.began <= CUT_OFF:
            self._counted.cut_off_turns.inc()


def end_of(turn: TurnRecord, *, abandoned: bool) -> TurnEnd:
    """How a final turn counts; `abandoned`: its call ended before it was final."""
    if turn.outcome != "unanswered":
        return turn.outcome
    if "transcript" in turn.reached and not turn.heard.strip():
        return "nothing_heard"
    return "abandoned" if abandoned else "unanswered"
