"""What the network did to the sound of one session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from nodes.webrtc.transport.peer import PeerStatistics
from pipeline.packet import MILLISECOND, SECOND
from vitagraph.quality import emodel

MOST_MS = 60_000.0
"""Milliseconds above which what a client reports is not believed."""


class Measured(TypedDict, total=False):
    """The fields of a QualityRecord that the network gives."""

    loss: float
    burst: float
    jitter_ms: float
    concealed: float
    rtt_ms: float
    playout_ms: float
    mos: float


class NetworkQuality:
    """Reads `statistics` once a second of sound, and at the end; takes what the client reports, if it does.

    The loss is that of the caller's sound on its way to the host. The delay is half the round trip, the codec, and
    the buffer at the end of the way: the client's where it is known, else the host's own, which only waits at gaps.
    """

    def __init__(self, statistics: Callable[[], PeerStatistics | None]) -> None:
        self._statistics = statistics
        self._heard = 0
        """Nanoseconds of the caller's sound."""
        self._next = SECOND
        self._jitter, self._wait, self._rtt, self._playout = _Mean(), _Mean(), _Mean(), _Mean()
        """All in milliseconds."""

    def heard(self, duration: int) -> None:
        """So many nanoseconds of sound have come."""
        self._heard += duration
        if self._heard < self._next:
            return
        self._next = self._heard + SECOND
        seen = self._statistics()
        if seen is not None and seen.received:
            self._jitter.add(seen.jitter_ms)
            self._wait.add(seen.wait_ms)

    def client_reported(self, *, rtt_ms: float | None = None, playout_ms: float | None = None) -> None:
        """What a client says of the round trip, and of how long its buffers delay the sound; averaged over the session.

        What cannot be true is left out.
        """
        for mean, value in ((self._rtt, rtt_ms), (self._playout, playout_ms)):
            if value is not None and 0 <= value <= MOST_MS:
                mean.add(value)

    def measured(self) -> Measured:
        """What is known by now; nothing of a call whose sound did not come in packets."""
        found = Measured()
        rtt, playout = self._rtt.value, self._playout.value
        if rtt is not None:
            found["rtt_ms"] = rtt
        if playout is not None:
            found["playout_ms"] = playout
        seen = self._statistics()
        sent = 0 if seen is None else seen.received - seen.duplicates - seen.late + seen.lost
        if seen is None or sent <= 0:
            return found
        loss = min(1.0, seen.lost / sent)
        burst = emodel.burst_ratio(seen.lost, seen.gaps, loss)
        found["loss"], found["burst"] = loss, burst
        found["jitter_ms"] = self._jitter.over(seen.jitter_ms)
        found["concealed"] = min(1.0, seen.concealed_ms * MILLISECOND / self._heard) if self._heard else 0.0
        delay = (rtt or 0.0) / 2 + emodel.CODEC_DELAY_MS + self._playout.over(self._wait.over(seen.wait_ms))
        found["mos"] = emodel.mean_opinion_score(emodel.rating(loss, delay, burst))
        return found


class _Mean:
    """The mean of values as they come."""

    __slots__ = ("_count", "_sum")

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        self._sum += value
        self._count += 1

    @property
    def value(self) -> float | None:
        return self._sum / self._count if self._count else None

    def over(self, otherwise: float) -> float:
        return self._sum / self._count if self._count else otherwise
