"""What a client tells of its call, as events on the bus of the session."""

from __future__ import annotations

from pipeline.packet import Event


class Rated(Event, frozen=True):
    """The person's rating of a response, 1 or -1."""

    response: str
    value: int
    cause: int | None = None
    """The turn that the response answers; None if that is not known any more."""


class ClientNetwork(Event, frozen=True):
    """How the client measured its network during an answer, after W3C's WebRTC statistics; milliseconds.

    None is what the client does not know.
    """

    cause: int
    """The turn that was answered."""
    rtt: float | None
    """`currentRoundTripTime` of the candidate pair."""
    jitter_buffer: float | None
    """Growth of `jitterBufferDelay` over that of `jitterBufferEmittedCount`: how long sound waited in the client."""
    playout: float | None
    """The delay of the client's sound card, as the growth of `totalPlayoutDelay` over that of `totalSamplesCount`."""

    @property
    def total(self) -> float:
        """What the network adds to the silence that the host measures: there and back, the buffer and the card."""
        return sum(each or 0.0 for each in (self.rtt, self.jitter_buffer, self.playout))
