"""Which part of a sound was played when."""

from __future__ import annotations

from dataclasses import dataclass, field

from nodes.packets import Audio, Speech, duration_of
from pipeline.packet import SECOND, Stamp


@dataclass(slots=True, eq=False)
class Playout:
    """One sound on its way through the loudspeaker; all times in nanoseconds."""

    at: Stamp
    duration: int
    runs: list[tuple[int, int]] = field(default_factory=list)
    """Where in the sound it began, and where it went on after each pause: position and clock."""
    position: int = 0
    """How much has been played."""
    over: bool = False

    @classmethod
    def of(cls, sound: Speech | Audio, now: int) -> Playout:
        """Of a sound that begins now."""
        return cls(sound.at, duration_of(sound.samples.size, sound.rate), [(0, now)])

    @property
    def complete(self) -> bool:
        """Whether it was played to its end."""
        return self.position >= self.duration

    def go_on(self, now: int) -> None:
        """It plays again after a pause."""
        self.runs.append((self.position, now))

    def clock_at(self, position: int) -> int:
        """When the clock shows that this position of the present run is reached."""
        begin, clock = self.runs[-1]
        return clock + position - begin

    def played_at(self, clock: int) -> int:
        """The position that is reached when the clock shows this."""
        begin, began = self.runs[-1]
        return min(self.duration, max(self.position, begin + clock - began))

    def index_at(self, position: int, rate: int) -> int:
        """The sample on the session's timeline at which this position of the present run falls."""
        begin, clock = self.runs[-1]
        return sample_at(clock, rate) + sample_at(position, rate) - sample_at(begin, rate)


def sample_at(time: int, rate: int) -> int:
    """The sample that is nearest to a time in nanoseconds."""
    return (time * rate + SECOND // 2) // SECOND
