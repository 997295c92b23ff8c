"""OpenTelemetry: one trace a turn, linked to the span of its call.

On if OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where spans go; all standard OTEL_*
variables apply. It needs `vitagraph[otel]`. Only what was observed becomes a span or an event, and no words do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nodes.packets import Audio, PlaybackProgress, TokensUsed, TurnChanged
from pipeline.errors import DependencyError
from pipeline.events import NodeFailed, NodeRecovered
from pipeline.packet import Packet
from pipeline.runtime.session import Session
from vitagraph.observe.watcher import CallEnd, SessionWatcher
from vitagraph.waterfall import TurnRecord

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables, of which either turns tracing on."""
FLUSH_MS = 5_000
"""Milliseconds that the last spans have to go out when a host ends."""
MOST_NODES = 64
"""Nodes of one turn that get spans."""

Value = str | int | float | bool


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(environment.get(name, "").strip() for name in ENDPOINTS)


class Tracing:
    """The tracer of a process, and its exporter, which sends spans in a thread of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer: Tracer = provider.get_tracer("vitagraph")

    @classmethod
    def from_environment(cls) -> Tracing | None:
        """As the variables say; None if they ask for none. Raises DependencyError where the packages are missing."""
        if not is_wanted():
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise DependencyError(
                f"{ENDPOINTS[0]} asks for traces, which need the packages of OpenTelemetry",
                hint="pip install 'vitagraph[otel]', or unset the variable",
            ) from error
        name = os.environ.get("OTEL_SERVICE_NAME", "vitagraph")
        provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def session(self, id: str, graph: str) -> SessionTracer:
        """What traces one session."""
        return SessionTracer(self.tracer, id, graph)

    def close(self) -> None:
        """Sends what is left, for at most five seconds: not for the event loop."""
        self._provider.force_flush(FLUSH_MS)
        self._provider.shutdown()


class _Turn:
    """The span of a turn that goes on."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.cause = 0
        self.given: dict[str, tuple[int, int]] = {}
        """When each node gave its first and its latest output for it, on the session's clock."""
        self.used: dict[str, list[TokensUsed]] = {}
        """What language models used, by node."""


class SessionTracer(SessionWatcher):
    """Makes the spans of one session: `call`, and in a trace of its own each `turn` with a span for each node."""

    def __init__(self, tracer: Tracer, id: str, graph: str) -> None:
        self._tracer, self._id, self._graph = tracer, id, graph
        self._session: Session | None = None
        self._call: Span | None = None
        self._guessed: _Turn | None = None
        """The turn of the person who speaks now, from its first guess on."""
        self._turns: dict[int, _Turn] = {}
        """Committed ones that are not over, by cause."""
        self._feeds: dict[str, set[str]] = {}
        """The nodes that feed each node."""

    # --- what a watcher sees

    def listen(self, session: Session) -> None:
        """Begins the span of the call."""
        self._session = session
        for link in session.plan.links:
            self._feeds.setdefault(link.target, set()).add(link.source)
        attributes: dict[str, Value] = {"vitagraph.session": self._id, "vitagraph.graph": self._graph}
        self._call = self._tracer.start_span("call", attributes=attributes, start_time=time.time_ns())
        session.bus.of(TurnChanged).subscribe(self._turn_changed)
        session.bus.of(PlaybackProgress).subscribe(self._played)
        session.bus.of(NodeFailed).subscribe(self._failed)
        session.bus.of(NodeRecovered).subscribe(self._recovered)
        session.bus.of(TokensUsed).subscribe(self._tokens_used)

    def wants(self, node: str, kind: type[Packet]) -> bool:
        """All but sound, which has no turn."""
        return kind is not Audio

    def observe(self, node: str, packet: Packet) -> None:
        """Takes an output of any node."""
        turn = self._turn_of(packet.at.cause.id)
        if turn is not None:
            now = self._now()
            first, _ = turn.given.get(node, (now, now))
            if node in turn.given or len(turn.given) < MOST_NODES:
                turn.given[node] = first, now

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        """Ends the span of a turn, with a child for each node that gave something for it."""
        open_turn = self._turns.pop(turn.cause, None)
        if open_turn is None:
            return
        span = open_turn.span
        outcome = "abandoned" if abandoned and turn.outcome == "unanswered" else turn.outcome
        span.set_attribute("vitagraph.turn.outcome", outcome)
        if turn.silence is not None:
            span.set_attribute("vitagraph.turn.silence", turn.silence / 1e9)
        for part, duration in turn.parts().items():
            span.set_attribute(f"vitagraph.turn.part.{part}", duration / 1e9)
        if turn.over_budget:
            span.set_attribute("vitagraph.turn.over_budget", turn.over_budget)
        self._add_nodes(open_turn)
        span.end(self._wall(self._now()))

    def ended(self, end: CallEnd) -> None:
        """Ends the spans that are open."""
        for turn in (*self._turns.values(), *([self._guessed] if self._guessed is not None else ())):
            turn.span.set_attribute("vitagraph.turn.outcome", "abandoned")
            turn.span.end()
        self._turns.clear()
        self._guessed = None
        if self._call is not None:
            self._call.set_attribute("vitagraph.call.outcome", end.outcome)
            self._call.end()
        self._session = None

    # --- events

    def _turn_changed(self, event: TurnChanged) -> None:
        begins = event.what in ("tentative", "committed")
        turn = self._turns.get(event.cause.id) or (self._guess(event) if begins else self._guessed)
        if turn is None or turn.cause != event.cause.id:
            return  # of an answer that is over
        attributes: dict[str, Value] = {"vitagraph.reason": event.reason} if event.reason else {}
        turn.span.add_event(event.what, attributes, self._wall(event.pts))
        if begins:
            event.cause.trace = _traceparent(turn.span)
        if event.what == "committed":
            turn.cause = event.cause.id
            self._turns[turn.cause] = turn
            self._guessed = None

    def _guess(self, event: TurnChanged) -> _Turn:
        """The turn that the person has begun; guesses that are called off belong to it as well."""
        if self._guessed is None:
            link = self._link()
            span = self._tracer.start_span(
                "turn",
                links=[link] if link is not None else (),
                attributes={"vitagraph.session": self._id, "vitagraph.graph": self._graph},
                start_time=self._wall(event.voice_end or event.pts),
            )
            self._guessed = _Turn(span)
        self._guessed.cause = event.cause.id
        return self._guessed

    def _played(self, event: PlaybackProgress) -> None:
        turn = self._turns.get(event.cause.id)
        if turn is not None:
            turn.span.add_event("playback ends" if event.ended else "playback begins", {}, self._wall(self._now()))

    def _failed(self, event: NodeFailed) -> None:
        attributes: dict[str, Value] = {
            "vitagraph.node": event.node,
            "vitagraph.member": event.member,
            "vitagraph.category": event.category,
            "vitagraph.reason": event.reason,
            "vitagraph.answered_by": event.answered_by,
        }
        self._note("fallback" if event.answered_by else "failure", attributes, event.pts)

    def _recovered(self, event: NodeRecovered) -> None:
        self._note("recovered", {"vitagraph.node": event.node, "vitagraph.member": event.member}, event.pts)

    def _tokens_used(self, event: TokensUsed) -> None:
        turn = self._current()
        if turn is not None:
            turn.used.setdefault(event.node, []).append(event)

    # --- spans

    def _note(self, name: str, attributes: Mapping[str, Value], pts: int) -> None:
        turn = self._current()
        span = turn.span if turn is not None else self._call
        if span is not None:
            span.add_event(name, attributes, self._wall(pts))

    def _current(self) -> _Turn | None:
        """The turn that is being answered: the newest."""
        return self._guessed or (next(reversed(self._turns.values())) if self._turns else None)

    def _turn_of(self, cause: int) -> _Turn | None:
        turn = self._turns.get(cause)
        guessed = self._guessed
        return guessed if turn is None and guessed is not None and guessed.cause == cause else turn

    def _add_nodes(self, turn: _Turn) -> None:
        from opentelemetry.trace import set_span_in_context

        context = set_span_in_context(turn.span)
        for node, (first, last) in turn.given.items():
            # A node begins when the first of those that feed it has given it something.
            fed = [turn.given[source][0] for source in self._feeds.get(node, ()) if source in turn.given]
            begin = min([*fed, first])
            name, attributes = self._described(node, turn)
            span = self._tracer.start_span(name, context, attributes=attributes, start_time=self._wall(begin))
            span.add_event("first output", {}, self._wall(first))
            span.end(self._wall(last))

    def _described(self, node: str, turn: _Turn) -> tuple[str, dict[str, Value]]:
        """The name of a node's span and its attributes, by the conventions for generative models where it is one."""
        attributes: dict[str, Value] = {"vitagraph.node": node}
        used = turn.used.get(node)
        if not used:
            return f"node {node}", attributes
        latest = used[-1]
        attributes |= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": latest.provider,
            "gen_ai.request.model": latest.model,
            "gen_ai.conversation.id": self._id,
            "gen_ai.usage.input_tokens": sum(each.read for each in used),
            "gen_ai.usage.output_tokens": sum(each.written for each in used),
        }
        return f"chat {latest.model}", attributes

    def _link(self) -> Link | None:
        from opentelemetry.trace import Link

        return Link(self._call.get_span_context()) if self._call is not None else None

    def _now(self) -> int:
        return self._session.clock.now() if self._session is not None else 0

    def _wall(self, pts: int) -> int:
        """A time on the session's clock in nanoseconds since 1970."""
        return time.time_ns() - self._now() + pts


def _traceparent(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
