"""Metrics that count events as they happen: turns, interruptions, failures, calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from pipeline.errors import Category
from vitagraph.waterfall import PARTS

PREFIX = "vitagraph_"
OTHER = "other"
"""The label value of everything that is not in a bounded set."""

TurnEnd = Literal["answered", "interrupted", "unanswered", "nothing_heard", "abandoned"]
"""`nothing_heard`: the speech recognition found no words. `abandoned`: the call ended before the answer began."""
InterruptionSource = Literal["voice", "text", "client"]
InterruptionVerdict = Literal["words", "voice", "command"]
"""What showed that it was one: `words`, the `voice` alone where no words decide, or a `command` of the client."""
Backchannel = Literal["backchannel", "noise", "echo", "answer"]
"""What a voice over an answer was, after which the answer went on; `answer`: to a question of ours."""
CallOutcome = Literal["completed", "not_connected", "no_seat", "idle", "too_long", "shutdown", "client_fault", "failed"]
"""`completed`: somebody hung up. `client_fault`: by what the client sent. `failed`: by a fault of ours."""
REFUSALS = (
    "full", "crowd", "busy", "burst", "unhealthy", "shutdown", "too_many_calls", "unknown_graph", "unusable_input",
    "wrong_key", "too_many_wrong_keys", "secret_unknown", "secret_expired", "secret_used", "locked_field", "bad_form",
    "bad_offer", "bad_session", "invalid_request", "wrong_content_type", "too_large", "too_slow", "internal_error",
)  # fmt: skip
"""Why offers of calls are refused: the kinds of `Refusal`, and the codes of other errors that a client gets."""

MEMORY_STEPS = ("collect", "caches", "batches", "refuse", "relieved")
"""See `MemoryGuard`."""

_SILENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0, 8.0, 15.0)
_PARTS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
_BARGE_IN = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)


class CountedMetrics:
    """The counters and histograms of a host, in its own registry; durations are observed in seconds.

    Every label has a bounded set of values, which begin at 0, so that the first event is an increase.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # Times of creation would double the text, and Prometheus does not need them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry
        self.turns = self._counter("turns", "Turns of persons, by how they ended.", "outcome")
        self.turn_silence = self._histogram(
            "turn_silence_seconds",
            "From the last voiced sample of a turn to the first audible sample of the answer.",
            _SILENCES,
            "outcome",
        )
        self.turn_part = self._histogram(
            "turn_part_seconds", "The parts of that silence, which add up to it.", _PARTS, "part"
        )
        self.client_network = self._histogram(
            "client_network_seconds", "What clients measured of their network and playout.", _BARGE_IN, "part"
        )
        self.barge_in_silence = self._histogram(
            "barge_in_silence_seconds", "From the start of a voice over an answer to its silence.", _BARGE_IN
        )
        self.interruptions = self._counter(
            "interruptions", "Answers that were stopped while they were heard.", "source", "verdict"
        )
        self.backchannels = self._counter("backchannels", "Voices over an answer that did not stop it.", "kind")
        self.over_budget = self._counter(
            "turns_over_budget", "Turns that took longer than the graph's budget, by their longest part.", "part"
        )
        self.underruns = self._counter(
            "playout_underruns", "Sentences that were not ready 300 ms after the one before them had ended."
        )
        self.underrun_seconds = self._counter("playout_underrun_seconds", "The pauses of those underruns.")
        self.tokens = self._counter("tokens", "Tokens of language models.", "node", "direction")
        self.memory_steps = self._counter("memory_steps", "Steps of the clean-up of memory that were taken.", "step")
        self.cut_off_turns = self._counter("cut_off_turns", "Answers begun within a second before the person went on.")
        self.node_errors = self._counter("node_errors", "Failures of members of nodes.", "node", "category")
        self.limit_refusals = self._counter(
            "limit_refusals", "Packets for which a node's limit or pool had no room.", "node"
        )
        self.audio_seconds = self._counter(
            "audio_seconds", "Sound that came from callers, and speech that was played to them.", "direction"
        )
        self.characters_spoken = self._counter("characters_spoken", "Characters of answers that were heard.")
        self.calls = self._counter("calls", "Calls that have ended.", "outcome")
        self.calls_refused = self._counter("calls_refused", "Offers of calls that were refused.", "reason")
        self._begin_at_zero()

    def refused(self, reason: str) -> None:
        """Counts an offer that was refused; a reason that is not in `REFUSALS` counts as `other`."""
        self.calls_refused.labels(reason if reason in REFUSALS else OTHER).inc()

    def watch(self, nodes: Iterable[str], limited: Iterable[str]) -> None:
        """Counts failures of these nodes, and refusals of those with a limit, from 0."""
        for node in nodes:
            for category in get_args(Category):
                self.node_errors.labels(node, category)
        for node in limited:
            self.limit_refusals.labels(node)

    def _begin_at_zero(self) -> None:
        for end in get_args(TurnEnd):
            self.turns.labels(end)
        for outcome in ("answered", "interrupted"):
            self.turn_silence.labels(outcome)
        for part in PARTS:
            self.turn_part.labels(part)
            self.over_budget.labels(part)
        for labels in (("voice", "words"), ("voice", "voice"), ("text", "command"), ("client", "command")):
            self.interruptions.labels(*labels)
        for kind in get_args(Backchannel):
            self.backchannels.labels(kind)
        for outcome in get_args(CallOutcome):
            self.calls.labels(outcome)
        for reason in (*REFUSALS, OTHER):
            self.calls_refused.labels(reason)
        for network_part in ("rtt", "jitter_buffer", "playout"):
            self.client_network.labels(network_part)
        for step in MEMORY_STEPS:
            self.memory_steps.labels(step)
        self.audio_seconds.labels("in")
        self.audio_seconds.labels("out")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(PREFIX + name, meaning, labels, buckets=buckets, registry=self._registry)
