"""What happens in a call, as far as it decides how long it may last and what it counts for in admission."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from nodes.packets import GREETING, PlaybackProgress, SpeechStart, TextInput, Transcript, TurnChanged
from pipeline.graph.plan import Plan
from pipeline.packet import Packet
from pipeline.runtime.bus import Bus

TALKING = 60.0
"""Seconds after a turn, or after the assistant spoke, for which a call counts as talking."""
RECENT = 8
"""Turns with words whose answers may still be played."""


class Activity:
    """When the person and the assistant of a call last did something; seconds on the clock `now`."""

    def __init__(self, plan: Plan, now: Callable[[], float]) -> None:
        self.last_word = now()
        """When the person last said or typed something, or heard the answer to it; at first, when the call began."""
        self.voice_began = 0
        """When the latest voice began, nanoseconds on the session's clock."""
        self._now = now
        self._last_turn: float | None = None
        self._transcribes = _transcribes(plan)
        self._worded: deque[int] = deque(maxlen=RECENT)
        """The latest causes that the person began with words."""

    def listen(self, bus: Bus) -> None:
        """Subscribes to a session's turns and playback."""
        bus.of(TurnChanged).subscribe(self._turn_changed)
        bus.of(PlaybackProgress).subscribe(self._played)

    def observe(self, packet: Packet) -> None:
        """Takes an output of any node."""
        if isinstance(packet, Transcript):
            if packet.text.strip():  # noise is transcribed as nothing
                self._worded.append(packet.at.cause.id)
                self.note_word()
        elif isinstance(packet, SpeechStart):
            self.voice_began = packet.at.pts
            if not self._transcribes:
                self.note_word()

    def note_word(self) -> None:
        """The person has just done something."""
        self.last_word = self._now()

    @property
    def spoken(self) -> bool:
        """Whether the call has had a turn, or the assistant has spoken."""
        return self._last_turn is not None

    @property
    def talking(self) -> bool:
        """Whether that was a short while ago."""
        return self._last_turn is not None and self._now() - self._last_turn < TALKING

    def _turn_changed(self, event: TurnChanged) -> None:
        if event.what == "committed":
            self._last_turn = self._now()

    def _played(self, event: PlaybackProgress) -> None:
        if event.cause.name == GREETING:
            return  # it is made once for all calls
        self._last_turn = self._now()
        if event.cause.id in self._worded or (event.cause.id and not self._transcribes):
            self.note_word()


def takes_text(plan: Plan) -> bool:
    """Whether a graph answers typed text."""
    readers = _text_readers(plan)
    return any(link.source in readers and Transcript in link.kinds for link in plan.links)


def _transcribes(plan: Plan) -> bool:
    """Whether a graph transcribes speech."""
    readers = _text_readers(plan)
    return any(link.source not in readers and Transcript in link.kinds for link in plan.links)


def _text_readers(plan: Plan) -> set[str]:
    return {feedback.target for feedback in plan.feedback if feedback.event is TextInput}
