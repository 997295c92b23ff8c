"""The timeline of a session as a document: what happened when, for the console and the offline page.

`python -m vitagraph.observe._typescript > web/src/console/documents.ts` writes the other side. All times and
durations are in milliseconds; times are on the session's clock, which begins at 0.
"""

from __future__ import annotations

from typing import Literal

import msgspec

VERSION = 1
STEP = 50.0
"""Milliseconds of one value of an envelope."""

Side = Literal["caller", "assistant"]
CauseChange = Literal["tentative", "committed", "resumed", "revoked", "interrupted", "held", "released"]


class Span(msgspec.Struct, frozen=True):
    """From `start` to `end`."""

    start: float
    end: float


class Envelope(msgspec.Struct):
    """How loud a sound was: one value for each `step` from 0 on, the highest amplitude, 0 to 255."""

    step: float = STEP
    peaks: list[int] = []


class PlayedSentence(msgspec.Struct):
    """A sentence of the assistant that was played."""

    cause: int
    start: float
    end: float | None
    """None while it plays."""
    text: str
    """As far as it was heard."""
    cut: bool = False
    """Whether it was stopped before its end."""


class TurnEntry(msgspec.Struct):
    """A turn of the person, and the answer to it."""

    number: int
    """From 1."""
    cause: int
    start: float
    """When the voice began; for a typed turn, when it was typed."""
    voice_end: float
    typed: bool
    outcome: Literal["answered", "interrupted", "unanswered", "nothing_heard", "abandoned"] | None
    """None while it goes on."""
    why: str = ""
    """Why there is no answer, in words."""
    heard: str = ""
    language: str = ""
    confidence: float | None = None
    """Of the transcript, 0 to 1; None without one."""
    said: str = ""
    """The answer, as far as it was heard."""
    silence: float | None = None
    parts: dict[str, float] = {}
    """What each part added to the silence, in order; they add up to it."""
    reached: dict[str, float] = {}
    """When the milestone of each part was reached."""
    firsts: dict[str, float] = {}
    """When each node gave its first output for this cause."""
    budget: float | None = None
    over_budget: str = ""
    """The largest part, of a turn that took longer than the graph's budget."""
    network: dict[str, float] = {}
    """What the client's browser reports of the way there and back, after the answer was sent: see NETWORK."""
    rating: int = 0
    """1 or -1 from the person; 0 without one."""
    trace: str = ""
    """The id of its trace, 32 hexadecimal digits; empty without tracing."""


class CauseEvent(msgspec.Struct, frozen=True):
    """A decision of the turn node."""

    at: float
    cause: int
    what: CauseChange
    reason: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """A failure of a node's member, the return of its primary, or a warning of the engine."""

    at: float
    kind: Literal["failed", "retries", "recovered", "abandoned", "late_flush", "over_budget", "alert", "alert_cleared"]
    node: str = ""
    member: str = ""
    message: str = ""
    answered_by: str = ""
    reason: str = ""
    """`fault`, `limit` or `opening`, of a failure."""


class QueueSample(msgspec.Struct, frozen=True):
    """A link that was not empty, once a second."""

    at: float
    link: str
    depth: int
    age: float
    """How long its oldest packet has waited."""


class FaceSpan(msgspec.Struct, frozen=True):
    """Face frames that belong to a part of an answer."""

    start: float
    end: float
    cause: int
    jaw: list[int]
    """How open the mouth is, one value for each `STEP`, 0 to 255."""


class Timeline(msgspec.Struct):
    """One session."""

    id: str
    graph: str
    began: float
    """Seconds since 1970."""
    duration: float
    version: int = VERSION
    kind: Literal["call", "replay"] = "call"
    outcome: str = ""
    """Empty while it goes on; otherwise as in `vitagraph_calls_total`."""
    reason: str = ""
    caller: Envelope = msgspec.field(default_factory=Envelope)
    assistant: Envelope = msgspec.field(default_factory=Envelope)
    sound: dict[Side, str] = {}
    """Addresses of the recorded sound of each side, from 0 on, as WAV; data: addresses in a page that stands alone."""
    speech: list[Span] = []
    """Where the voice detector heard a voice."""
    turns: list[TurnEntry] = []
    causes: list[CauseEvent] = []
    playbacks: list[PlayedSentence] = []
    troubles: list[Trouble] = []
    queues: list[QueueSample] = []
    face: list[FaceSpan] = []
    left_out: int = 0
    """Entries that were dropped because there were too many."""


# --- the console


class NodeState(msgspec.Struct, frozen=True):
    """A node of a graph, over all its calls that run."""

    name: str
    use: str
    members: list[str]
    """The `use` of each, the primary first."""
    inserted: bool
    state: Literal["idle", "working", "fallback", "failing"]
    """`fallback`: in some call another member does the work; `failing`: it failed in the last 10 s unanswered."""
    fallbacks: int
    """Calls in which a fallback does the work."""
    errors: int
    """Failures since the host began."""


class LinkState(msgspec.Struct, frozen=True):
    """A link of a graph, over all its calls that run."""

    name: str
    source: str
    target: str
    kinds: list[str]
    queued: bool
    depth: int
    age: float
    dropped: int


class GraphState(msgspec.Struct, frozen=True):
    """A graph that was called, or is the default."""

    name: str
    description: str
    calls: int
    nodes: list[NodeState]
    links: list[LinkState]


class CallState(msgspec.Struct, frozen=True):
    """A call that runs, or one of the latest that have ended."""

    id: str
    graph: str
    began: float
    """Seconds since 1970."""
    duration: float
    turns: int
    connected: bool
    outcome: str
    """Empty while it runs."""
    reason: str
    silence: float | None
    """The median of its turns' silences."""
    fallbacks: list[str]
    lost: float | None
    """The share of its packets of sound that were lost, 0 to 1; None without WebRTC."""
    mos: float | None
    """Its estimated quality of sound, 1 to 4.5."""
    recorded: bool = False


class LatestTurn(msgspec.Struct, frozen=True):
    """One of the latest turns of all calls. Without words: the timeline of its session has them."""

    session: str
    number: int
    at: float
    """Seconds since 1970."""
    outcome: str
    silence: float | None
    parts: dict[str, float]
    over_budget: str = ""


class AlertState(msgspec.Struct, frozen=True):
    """An alert that fires, or one of the latest that have cleared."""

    name: str
    severity: Literal["page", "ticket"]
    summary: str
    runbook: str
    """A heading in docs/operations.md."""
    since: float
    """Seconds since 1970."""
    cleared: float | None
    value: float
    threshold: float
    labels: dict[str, str] = {}


class QualityPoint(msgspec.Struct, frozen=True):
    """The quality of the sessions of one stretch of time."""

    at: float
    """Its beginning, seconds since 1970."""
    sessions: int
    silence: float | None
    """The median silence."""
    success: float | None
    """The share of turns that were answered, 0 to 1."""
    mos: float | None


class ProcessState(msgspec.Struct, frozen=True):
    """The process of the host."""

    version: str
    began: float
    """Seconds since 1970."""
    ready: bool
    reason: str
    """Why it takes no call; empty if it does."""
    sessions: int
    seats_free: int
    cpu: float
    """The share that is used of what the process may use, 0 to 1; so is `memory`."""
    memory: float
    lag: float
    memory_step: str
    """How far the clean-up of memory has gone: see `vitagraph_memory_step`."""


class Console(msgspec.Struct, frozen=True):
    """Everything that the console shows at one moment."""

    at: float
    """Seconds since 1970."""
    host: ProcessState
    graphs: list[GraphState]
    calls: list[CallState]
    """Those that run first, the newest first."""
    turns: list[LatestTurn]
    """The newest first."""
    alerts: list[AlertState]
    quality: list[QualityPoint]
    version: int = VERSION
