"""When each part of a sound was played: shared by the sinks that play to files and to calls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Audio, PlaybackProgress, Speech, duration_of
from pipeline.packet import SECOND, Stamp


@dataclass(slots=True, eq=False)
class PlaybackTracker:
    """How far one sound has been played, and when each part of it was. All times are in nanoseconds.

    A sound plays in runs: one from its start, and another after each pause.
    """

    at: Stamp
    """The stamp of the sound."""
    duration: int
    position: int = 0
    """How much has been played, 0 to `duration`."""
    over: bool = False
    """Whether no more of it will be played."""
    runs: list[tuple[int, int]] = field(default_factory=list)
    """Where each run began: the position in the sound, and the time."""

    @classmethod
    def of(cls, sound: Speech | Audio) -> PlaybackTracker:
        """The tracker of a sound that has not begun."""
        return cls(sound.at, duration_of(sound.samples.size, sound.rate))

    @property
    def complete(self) -> bool:
        """Whether it was played to its end."""
        return self.position >= self.duration

    @property
    def start(self) -> int:
        """When the sound would have started, had it played without a pause up to the present run."""
        return self.time_at(0)

    def play(self, now: int) -> None:
        """The part at `position` begins to play now. This begins a run, unless the last one leads here."""
        if self.runs:
            begin, time = self.runs[-1]
            if time + self.position - begin == now:
                return
        self.runs.append((self.position, now))

    def advance(self, position: int) -> None:
        """Everything up to `position` has been played."""
        if position > self.position:
            self.position = position if position < self.duration else self.duration

    def time_at(self, position: int) -> int:
        """When the present run is at this position."""
        begin, time = self.runs[-1]
        return time + position - begin

    def position_at(self, time: int) -> int:
        """The position of the present run at this time, from `position` to `duration`."""
        begin, began = self.runs[-1]
        return min(self.duration, max(self.position, begin + time - began))

    def times_of(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of these positions have been played, and when each of those was; arrays of shape (n,) and (played,)."""
        played = (positions >= 0) & (positions < self.position)
        begins, times = np.array(self.runs, np.int64).reshape(-1, 2).T
        positions = positions[played]
        run = np.searchsorted(begins, positions, side="right") - 1
        return played, times[run] + positions - begins[run]

    def sample_index(self, position: int, rate: int) -> int:
        """The sample on the session's timeline, at a rate in Hz, at which this position of the present run falls."""
        begin, time = self.runs[-1]
        return sample_at(time, rate) + sample_at(position, rate) - sample_at(begin, rate)


def sample_at(time: int, rate: int) -> int:
    """The sample nearest to a time in nanoseconds, at a rate in Hz."""
    return (time * rate + SECOND // 2) // SECOND


def playback_started(speech: Speech) -> PlaybackProgress:
    """What a sink sends upstream when a sentence begins to play."""
    return _progress(speech, "", 0, ended=False, last=False)


def playback_ended(speech: Speech, tracker: PlaybackTracker) -> PlaybackProgress:
    """What a sink sends upstream when a sentence has ended or was cut off."""
    text = speech.text if tracker.complete else speech.heard(tracker.position)
    return _progress(speech, text, tracker.position, ended=True, last=speech.last and tracker.complete)


def _progress(speech: Speech, heard: str, position: int, *, ended: bool, last: bool) -> PlaybackProgress:
    cause, duration = speech.at.cause, speech.at.duration
    return PlaybackProgress(cause, heard, position, ended, last, speech.text, duration, speech.last)
