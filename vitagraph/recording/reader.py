"""Reads recordings, also of calls that go on and of hosts that were killed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader

from nodes.media.resample import resampled
from nodes.packets import Samples, duration_of
from nodes.playback_tracker import sample_at
from pipeline.errors import UserInputError
from pipeline.packet import SECOND
from vitagraph.recording import raw_audio
from vitagraph.recording.messages import END, EVENTS, FORMAT, SESSION, TURNS, Side, sound_topic
from vitagraph.recording.wave import wave_bytes

MAGIC = b"\x89MCAP0\r\n"
RECORD_BYTES = 64 << 20
"""The longest record that is read."""
LONGEST = 24 * 3600 * SECOND
"""Nanoseconds from the beginning of a session in which anything of it lies."""

SOUNDS = (sound_topic("caller"), sound_topic("assistant"))

T = TypeVar("T")
_UNREADABLE = (McapError, ValueError, LookupError, struct.error, RuntimeError, OverflowError, MemoryError, TypeError)
"""What the reader of MCAP raises for damaged files."""


class RecordingDamaged(UserInputError):
    """A file is no recording of a call, or so damaged that nothing of it can be read."""


@dataclass(frozen=True, slots=True)
class RecordedSound:
    """A piece of sound; `at` in nanoseconds on the session's clock."""

    at: int
    samples: Samples
    rate: int
    """Hz."""

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return duration_of(self.samples.size, self.rate)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event of the bus; `at` in nanoseconds on the session's clock."""

    at: int
    kind: str
    """Its class, such as `TurnChanged`."""
    fields: Mapping[str, Any]


class RecordedTurn(msgspec.Struct):
    """A turn and its answer, as in turns.json of a replay; times in milliseconds on the session's clock."""

    turn: int
    """From 1, in the order in which they began."""
    cause: int
    outcome: str
    heard: str
    said: str
    voice_end: float
    silence: float | None = None
    parts: dict[str, float] = {}
    reached: dict[str, float] = {}
    abandoned: bool = False
    """Whether it was not final when the call ended."""


_turn = msgspec.json.Decoder(RecordedTurn).decode
_fields = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Recording:
    """A recording, of which the sound and the events are read from the file where they are asked for."""

    path: Path
    info: Mapping[str, str]
    """The metadata record `vitagraph.session`."""
    duration: int = 0
    """Nanoseconds up to the end of the last thing that was recorded."""
    turns: list[RecordedTurn] = field(default_factory=list)
    """The turns that are final, in order."""
    end: Mapping[str, str] | None = None
    """How the call ended: `outcome`, `reason`, `duration`; None if it goes on or was cut off."""
    damage: str = ""
    """Why the file could not be read to its end; empty if it could, or ends in the middle of a call."""

    @property
    def session(self) -> str:
        """The id of the call."""
        return self.info.get("session", "")

    @property
    def graph(self) -> str:
        """The name of the graph."""
        return self.info.get("graph", "")

    @property
    def began(self) -> float:
        """When 0 of the session's clock was, seconds since 1970."""
        return int(self.info["began"]) / SECOND

    def sound(self, side: Side) -> Iterator[RecordedSound]:
        """The sound of a side, in order; where nothing was sent or played there is none."""
        topic = sound_topic(side)
        for at, _, message in self._messages(lambda name: name == topic):
            if (sound := self._decoded(raw_audio.decode, message)) is None:
                return
            yield RecordedSound(at, *sound)

    def events(self) -> Iterator[RecordedEvent]:
        """The events of the bus, in order."""
        for at, topic, message in self._messages(lambda name: name.startswith(EVENTS)):
            if (fields := self._decoded(_fields, message)) is None:
                return
            yield RecordedEvent(at, topic.removeprefix(EVENTS), fields)

    def wav(self, side: Side) -> bytes:
        """The sound of a side as a WAV file, mono with 16 bits, that begins at 0 of the session's clock."""
        pieces = list(self.sound(side))
        rate = pieces[0].rate if pieces else 16_000
        whole = np.zeros(sample_at(self.duration, rate), np.int16)
        for piece in pieces:
            _put(whole, sample_at(piece.at, rate), _at_rate(piece, rate))
        return wave_bytes(whole, rate)

    def _decoded(self, decode: Callable[[bytes], T], message: bytes) -> T | None:
        try:
            return decode(message)
        except (ValueError, msgspec.MsgspecError) as error:
            self.damage = str(error)
            return None

    def _messages(self, wanted: Callable[[str], bool]) -> Iterator[tuple[int, str, bytes]]:
        """Time, channel and content of messages, up to where the file ends or is damaged."""
        began = int(self.info["began"])
        channels: dict[int, str] = {}
        for record in _records(self):
            if isinstance(record, Channel):
                channels[record.id] = record.topic
            elif isinstance(record, Message):
                topic, at = channels.get(record.channel_id, ""), record.log_time - began
                if abs(at) <= LONGEST and wanted(topic):
                    yield at, topic, record.data


def is_recording(path: Path) -> bool:
    """Whether a file begins as MCAP files do; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_recording(path: Path) -> Recording:
    """Reads what a recording is about; raises RecordingDamaged if it is none."""
    if not is_recording(path):
        raise RecordingDamaged(f"{path} is not a recording", hint="recordings are files that `serve --record` has made")
    recording = Recording(path, _info(path))
    for at, topic, message in recording._messages(lambda _: True):
        _note(recording, at, topic, message)
    recording.turns.sort(key=lambda turn: turn.turn)
    return recording


def _info(path: Path) -> Mapping[str, str]:
    for record in _records(Recording(path, {})):
        if isinstance(record, Metadata) and record.name == SESSION:
            _check(path, record.metadata)
            return record.metadata
    raise RecordingDamaged(f"{path} is no recording of a call", hint="`serve --record DIR` makes recordings")


def _check(path: Path, info: Mapping[str, str]) -> None:
    if info.get("format") != str(FORMAT):
        raise RecordingDamaged(
            f"{path} has format {info.get('format', 'none')} of recordings, and this version reads {FORMAT}",
            hint="use the version of Vitagraph that has made it",
        )
    began = info.get("began", "")
    if not (began.isascii() and began.isdecimal() and len(began) < 20):
        raise RecordingDamaged(f"{path} does not say when it began", hint="it is damaged: use another one")


def _note(recording: Recording, at: int, topic: str, message: bytes) -> None:
    if topic == TURNS and (turn := recording._decoded(_turn, message)) is not None:
        recording.turns.append(turn)
    elif topic in SOUNDS and (sound := recording._decoded(raw_audio.decode, message)) is not None:
        samples, rate = sound
        at += duration_of(samples.size, rate)
    recording.duration = max(recording.duration, at)


def _records(recording: Recording) -> Iterator[McapRecord]:
    """The records up to where the file ends or is damaged, which it notes."""
    try:
        with recording.path.open("rb") as file:
            try:
                for record in StreamReader(file, validate_crcs=True, record_size_limit=RECORD_BYTES).records:
                    if isinstance(record, Metadata) and record.name == END:
                        recording.end = record.metadata
                    yield record
            except EndOfFile:
                return  # it goes on, or the host was killed
            except _UNREADABLE as error:
                if file.read(1):  # otherwise it is only its last record that is not whole
                    recording.damage = str(error) or type(error).__name__
    except OSError as error:
        raise RecordingDamaged(f"{recording.path} cannot be read: {error.strerror or error}") from error


def _at_rate(piece: RecordedSound, rate: int) -> Samples:
    return piece.samples if piece.rate == rate else resampled(piece.samples, piece.rate, rate)


def _put(whole: Samples, index: int, samples: Samples) -> None:
    first = max(0, -index)
    room = whole[index + first : index + samples.size]
    room[:] = samples[first : first + room.size]
