"""A recorded call as the input of a session: what its source and its sink find with `self.provided`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nodes.packets import CancelResponse, InstructionsChanged, TextInput
from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND
from vitagraph.recording.reader import RecordedEvent, RecordedSound, Recording, open_recording

ClientEvent = TextInput | CancelResponse | InstructionsChanged

RATE = 16_000
"""Hz of a call in which the caller never spoke."""


class RecordedCall:
    """The caller's side of a recording, up to `until` nanoseconds of it; reads the file, so in a thread."""

    def __init__(self, recording: Recording, until: int | None = None) -> None:
        self.recording = recording
        self.until = recording.duration if until is None else until
        self.running = asyncio.Event()
        """Set once the session runs, from when on it takes events."""

    def sound(self) -> Iterator[RecordedSound]:
        """The caller's sound; a piece that goes on after `until` is cut to silence."""
        for sound in self.recording.sound("caller"):
            left = (self.until - sound.at) * sound.rate // 1_000_000_000
            if left <= 0:
                return
            yield sound if left >= sound.samples.size else _cut(sound, left)

    def client_events(self) -> list[tuple[int, ClientEvent]]:
        """What the client typed, cancelled and instructed, with the time of each in nanoseconds."""
        made = ((event.at, _client_event(event)) for event in self.recording.events() if event.at <= self.until)
        return [(at, event) for at, event in made if event is not None]

    def provided(self) -> list[object]:
        """What a session gets: this, and the instructions with which the call began."""
        instructions = self.recording.info.get("instructions", "")
        return [self, InstructionsChanged(instructions)] if instructions else [self]


def rate_of(recording: Recording) -> int:
    """The rate of the caller's sound, Hz."""
    first = next(chain(recording.sound("caller")), None)
    return RATE if first is None else first.rate


def read_call(path: Path, turn: int | None) -> tuple[Recording, int | None]:
    """A recording, and the time up to which it is played: until a turn was decided, or None for all of it.

    Raises UserInputError if it is damaged, or has no such turn.
    """
    recording = open_recording(path)
    if turn is None:
        return recording, None
    for each in recording.turns:
        if each.turn == turn:
            return recording, round(each.reached.get("decided", each.voice_end) * MILLISECOND)
    count = len(recording.turns)
    raise UserInputError(
        f"{path} has no turn {turn}",
        hint=f"its turns are 1 to {count}" if count else "nobody said anything in it",
    )


def _cut(sound: RecordedSound, left: int) -> RecordedSound:
    samples = np.zeros_like(sound.samples)
    samples[:left] = sound.samples[:left]
    return RecordedSound(sound.at, samples, sound.rate)


def _client_event(event: RecordedEvent) -> ClientEvent | None:
    fields: dict[str, Any] = dict(event.fields)
    if event.kind == "TextInput" and isinstance(fields.get("text"), str):
        return TextInput(fields["text"])
    if event.kind == "InstructionsChanged" and isinstance(fields.get("instructions"), str):
        return InstructionsChanged(fields["instructions"])
    return CancelResponse() if event.kind == "CancelResponse" else None
