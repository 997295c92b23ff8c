"""Counts what happens in one call, from the events on the bus of its session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from nodes.packets import Audio, PlaybackProgress, TokensUsed, TurnChanged
from pipeline.events import BudgetExceeded, NodeFailed, NodeRecovered
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.session import Session
from vitagraph.observe.client_events import ClientNetwork
from vitagraph.observe.counted import (
    OTHER,
    Backchannel,
    CountedMetrics,
    InterruptionSource,
    InterruptionVerdict,
    TurnEnd,
)
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.waterfall import TurnRecord

CUT_OFF = SECOND
"""Nanoseconds after the beginning of an answer in which a voice shows that the turn was not over."""
UNDERRUN = 300 * MILLISECOND
"""Nanoseconds between two sentences of an answer that are more than a breath."""
_BACKCHANNELS: Mapping[str, Backchannel] = {
    "backchannel": "backchannel",
    "nothing": "backchannel",
    "answer": "answer",
    "echo": "echo",
}
"""By the reason of the turn node for letting an answer go on; every other reason is a noise."""
_SOURCES: Mapping[str, InterruptionSource] = {"typed": "text", "cancelled": "client"}
"""By the reason of the turn node; every other reason is a voice."""


@dataclass(slots=True)
class _HeardAnswer:
    """The answer that is being heard."""

    cause: int
    began: int
    """When its playback began, nanoseconds on the session's clock."""
    ended: int = 0
    """When its latest sentence ended and another is to follow; 0 while one plays."""
    silence: int = 0
    """Nanoseconds from the start of the voice that holds it to its silence; 0 while nobody has spoken over it."""


class CallMetrics(SessionWatcher):
    """Listens to one session. `voice_began` gives the start of the latest voice, nanoseconds on its clock.

    A failure that names none of the graph's `nodes` counts for `other`.
    """

    def __init__(
        self,
        counted: CountedMetrics,
        nodes: Collection[str],
        voice_began: Callable[[], int],
    ) -> None:
        self.fallbacks: set[str] = set()
        """Nodes whose work is done by another member than the primary."""
        self.on_interrupted: Callable[[int | None], None] = lambda silence: None
        """Called when a heard answer was stopped; by a voice, with nanoseconds from its start to the silence."""
        self._counted = counted
        self._nodes = nodes
        self._heard = 0
        """Nanoseconds of the caller's sound that are not counted yet."""
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
        session.bus.of(BudgetExceeded).subscribe(self.over_budget)
        session.bus.of(TokensUsed).subscribe(self.tokens_used)
        session.bus.of(ClientNetwork).subscribe(self.client_measured)
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
        exemplar = {"trace_id": turn.trace} if turn.trace else None
        self._counted.turn_silence.labels(end).observe(turn.silence / SECOND, exemplar)
        for part, duration in turn.parts().items():
            self._counted.turn_part.labels(part).observe(duration / SECOND, exemplar)

    def ended(self, end: CallEnd) -> None:
        """Counts the call."""
        self._counted.calls.labels(end.outcome).inc()
        self._count_heard()

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
            self._counted.backchannels.labels(_BACKCHANNELS.get(event.reason, "noise")).inc()
        elif event.what == "interrupted":
            self._interrupted(answer, event)

    def played(self, event: PlaybackProgress) -> None:
        """Takes the playback progress of an answer."""
        if not event.ended:
            self._began(event.cause.id)
            return
        self._counted.audio_seconds.labels("out").inc(event.position / SECOND)
        self._counted.characters_spoken.inc(len(event.text))
        if event.last:
            self._answer = None
        elif self._answer is not None:
            self._answer.ended = self._now()

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

    def over_budget(self, event: BudgetExceeded) -> None:
        """Takes a turn that took longer than the graph's budget."""
        self._counted.over_budget.labels(event.part).inc()

    def client_measured(self, event: ClientNetwork) -> None:
        """Takes what a client measured of its network."""
        measured = {"rtt": event.rtt, "jitter_buffer": event.jitter_buffer, "playout": event.playout}
        for part, milliseconds in measured.items():
            if milliseconds is not None:
                self._counted.client_network.labels(part).observe(milliseconds / 1000)

    def tokens_used(self, event: TokensUsed) -> None:
        """Takes what a language model read and wrote."""
        node = event.node if event.node in self._nodes else OTHER
        self._counted.tokens.labels(node, "input").inc(event.read)
        self._counted.tokens.labels(node, "output").inc(event.written)

    def hear(self, source: str, sound: Sequence[Audio]) -> None:
        """Takes the caller's sound."""
        self._heard += sum(packet.at.duration for packet in sound)
        if self._heard >= SECOND:
            self._count_heard()

    def _count_heard(self) -> None:
        self._counted.audio_seconds.labels("in").inc(self._heard / SECOND)
        self._heard = 0

    def _began(self, cause: int) -> None:
        answer = self._answer
        if answer is None or answer.cause != cause:
            self._answer = _HeardAnswer(cause, self._now())
            return
        pause = self._now() - answer.ended if answer.ended else 0
        answer.ended = 0
        if pause > UNDERRUN:
            self._counted.underruns.inc()
            self._counted.underrun_seconds.inc(pause / SECOND)

    def _interrupted(self, answer: _HeardAnswer, event: TurnChanged) -> None:
        source = _SOURCES.get(event.reason, "voice")
        verdict: InterruptionVerdict = (
            "command" if source != "voice" else "voice" if event.reason == "voice" else "words"
        )
        self._counted.interruptions.labels(source, verdict).inc()
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
