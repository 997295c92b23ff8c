"""What the network did to the sound of one session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from nodes.webrtc.transport.peer import PeerStatistics
from pipeline.packet import MILLISECOND, SECOND
from vitagraph.quality import emodel


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
    """Reads `statistics` once a second of sound, and at the end. The client's own numbers are set, if it reports them.

    The loss is that of the caller's sound on its way to the host. The delay is half the round trip, the codec, and
    the buffer at the end of the way: the client's where it is known, else the host's own, which only waits at gaps.
    """

    def __init__(self, statistics: Callable[[], PeerStatistics | None]) -> None:
        self.rtt_ms: float | None = None
        """The latest round trip; None if the client does not tell."""
        self.playout_ms: float | None = None
        """How long the client's buffers delay the sound; None if it does not tell."""
        self._statistics = statistics
        self._heard = 0
        """Nanoseconds of the caller's sound."""
        self._next = SECOND
        self._jitters = self._waits = 0.0
        self._samples = 0

    def heard(self, duration: int) -> None:
        """So many nanoseconds of sound have come."""
        self._heard += duration
        if self._heard < self._next:
            return
        self._next = self._heard + SECOND
        seen = self._statistics()
        if seen is not None and seen.received:
            self._jitters += seen.jitter_ms
            self._waits += seen.wait_ms
            self._samples += 1

    def measured(self) -> Measured:
        """What is known by now; nothing for a call whose sound did not come in packets."""
        found = Measured()
        if self.rtt_ms is not None:
            found["rtt_ms"] = self.rtt_ms
        if self.playout_ms is not None:
            found["playout_ms"] = self.playout_ms
        seen = self._statistics()
        sent = 0 if seen is None else seen.received - seen.duplicates - seen.late + seen.lost
        if seen is None or sent <= 0:
            return found
        loss = min(1.0, seen.lost / sent)
        burst = emodel.burst_ratio(seen.lost, seen.gaps, loss)
        found["loss"], found["burst"] = loss, burst
        found["jitter_ms"] = self._jitters / self._samples if self._samples else seen.jitter_ms
        found["concealed"] = min(1.0, seen.concealed_ms * MILLISECOND / self._heard) if self._heard else 0.0
        found["mos"] = emodel.mean_opinion_score(emodel.rating(loss, self._delay_ms(seen), burst))
        return found

    def _delay_ms(self, seen: PeerStatistics) -> float:
        waits = self._waits / self._samples if self._samples else seen.wait_ms
        buffer = waits if self.playout_ms is None else self.playout_ms
        return (self.rtt_ms or 0.0) / 2 + emodel.CODEC_DELAY_MS + buffer
