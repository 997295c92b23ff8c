"""What is kept of one session: numbers, and no word, sound or address of the person."""

from __future__ import annotations

import msgspec

FAULTS = ("failed", "no_seat", "shutdown")
"""Outcomes of calls that ended by a fault of ours."""
NO_CONVERSATION = ("not_connected", "no_seat")
"""Outcomes of calls in which nobody was heard."""


class QualityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One session. None stands for what was not measured."""

    session: str
    """The id of the call, at random."""
    graph: str
    began: float
    """Seconds since 1970."""
    duration_s: float
    outcome: str
    """As in `vitagraph_calls_total`."""
    turns: int = 0
    """Of the person, spoken or typed."""
    answered: int = 0
    """Turns whose answer began, or was interrupted by the person."""
    unanswered: int = 0
    """Turns that met silence. A cough, and a turn at whose answer the person hung up, are neither."""
    interruptions: int = 0
    """Answers that the person stopped while they were heard."""
    silences_ms: tuple[float, ...] = ()
    """The silence before each answer."""
    silence_p50_ms: float | None = None
    silence_p95_ms: float | None = None
    barge_in_ms: float | None = None
    """The median of the silences after an interruption: from the start of the voice until the answer is silent."""
    snr_db: float | None = None
    asr_confidence: float | None = None
    """The mean over the transcripts, 0 to 1."""
    loss: float | None = None
    """The share of the caller's packets that did not come in time, 0 to 1."""
    burst: float | None = None
    """The burst ratio of G.107: 1 for losses at random."""
    jitter_ms: float | None = None
    """The interarrival jitter of RFC 3550, averaged over the session."""
    concealed: float | None = None
    """The share of the caller's sound that was made up, 0 to 1."""
    rtt_ms: float | None = None
    """The round trip that the client reports."""
    playout_ms: float | None = None
    """How long the client's own buffers delay the sound."""
    mos: float | None = None
    """The estimate of `emodel`, 1 to 4.41."""
    liked: int = 0
    """Answers that were rated good."""
    disliked: int = 0
    fallbacks: tuple[str, ...] = ()
    """Nodes whose work another member than the primary did for a while."""

    @property
    def conversed(self) -> bool:
        """Whether the call was connected and had a seat."""
        return self.outcome not in NO_CONVERSATION
