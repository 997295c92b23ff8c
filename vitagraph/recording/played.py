"""What of the assistant's sound was played, and when: from its speech and the reports of the playing sink."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nodes.packets import Audio, PlaybackProgress, Samples, Speech, TurnChanged, duration_of
from nodes.playback_tracker import sample_at
from pipeline.packet import MILLISECOND

MARGIN = 60 * MILLISECOND
"""Nanoseconds of a sound that is playing that are left until its end is reported: a sink plays 20 ms at a time."""
FRAME = 20 * MILLISECOND
PIECE = 200 * MILLISECOND
"""The least that is given at once while a sound plays."""
WAITING = 64
"""Sentences that may wait to be played."""

Put = Callable[[int, Samples, int], None]
"""Takes when a sound was played, nanoseconds on the session's clock, its samples and their rate in Hz."""


@dataclass(slots=True)
class _Run:
    """A sentence that plays; all times in nanoseconds."""

    speech: Speech
    time: int
    """When the present run began: a sentence plays in several, if it is held in between."""
    begin: int = 0
    """Where in the sentence the run began."""
    given: int = 0
    """How much of the sentence was given."""
    held: int = -1
    """Where in the sentence it is held; -1 while it plays."""

    def position(self, now: int) -> int:
        return self.held if self.held >= 0 else self.begin + max(0, now - self.time)


class PlayedSound:
    """Puts the assistant's sound on the session's clock as it was heard, and cuts it where it was cut.

    Where an answer pauses is known to 20 ms, the frame of a sink; each sentence begins anew at its own time.
    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._waiting: deque[Speech] = deque(maxlen=WAITING)
        self._run: _Run | None = None
        self._free = 0
        """When the last sound without words has ended."""

    def speech_made(self, speech: Speech) -> None:
        """A sentence that may be played."""
        if not any(each is speech for each in self._waiting):
            self._waiting.append(speech)

    def sound_made(self, sound: Audio, now: int) -> None:
        """Audio without words, which a sink plays at once, or after what came before."""
        begin = max(now, self._free)
        self._free = begin + sound.at.duration
        self._put(begin, sound.samples, sound.rate)

    def progress(self, event: PlaybackProgress, now: int) -> None:
        """The report of a sink about a sentence: it begins, or it has ended or was cut off."""
        if not event.ended:
            speech = self._take(event)
            self._run = None if speech is None else _Run(speech, now)
        elif self._run is not None and self._run.speech.at.cause is event.cause:
            self._give(self._run, event.position)
            self._run = None

    def turn_changed(self, event: TurnChanged, now: int) -> None:
        """A decision of the turn node: an answer pauses while it is held."""
        run = self._run
        if run is None or run.speech.at.cause is not event.cause:
            return
        if event.what == "held" and run.held < 0:
            run.held = -(-run.position(now) // FRAME) * FRAME  # a frame that has begun is played to its end
        elif event.what == "released" and run.held >= 0:
            self._give(run, run.held)
            run.begin, run.time, run.held = run.given, now, -1

    def advance(self, now: int) -> None:
        """Gives what was surely played by now."""
        run = self._run
        if run is not None and (until := run.position(now) - MARGIN) - run.given >= PIECE:
            self._give(run, until)

    def _take(self, event: PlaybackProgress) -> Speech | None:
        """The sentence that begins, and forgets those of its cause that came before it."""
        mine = [speech for speech in self._waiting if speech.at.cause is event.cause]
        found = next((each for each in mine if (each.text, each.at.duration) == (event.speech, event.duration)), None)
        found = found or next(iter(mine), None)
        while self._waiting and found is not None and self._waiting.popleft() is not found:
            pass
        return found

    def _give(self, run: _Run, until: int) -> None:
        samples, rate = run.speech.samples, run.speech.rate
        first, last = sample_at(run.given, rate), min(samples.size, sample_at(until, rate))
        if last > first:
            began = run.time + duration_of(first, rate) - run.begin
            self._put(began, samples[first:last], rate)
            run.given = until
