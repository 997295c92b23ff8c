"""One recording that is being written. What blocks is for the thread of the writer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from mcap.writer import CompressionType, Writer

from nodes.media.files import private, writing
from nodes.packets import Samples, duration_of
from pipeline.errors import ResourceError
from pipeline.packet import MILLISECOND, Event, Packet
from vitagraph.recording import raw_audio
from vitagraph.recording.messages import (
    END,
    SCHEMAS,
    SESSION,
    Side,
    event_json,
    json_of,
    packet_json,
    schema_of,
    sound_topic,
)

log = logging.getLogger(__name__)

BUFFER = 1 << 18
"""Bytes of the file's buffer: what is written at once is one call of the system, which a kill hardly ever halves."""
WAITING = 64 << 20
"""Bytes of all recordings that may wait while the disk is slow: half a minute of twenty calls."""
FRAME = 20 * MILLISECOND
"""Sound in packets of this length is joined to messages of up to `JOINED` packets."""
JOINED = 10


@dataclass(slots=True)
class SoundItem:
    """A piece of the sound of a side; `at` in nanoseconds on the session's clock, as of all items."""

    at: int
    side: Side
    samples: Samples
    rate: int

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return self.samples.nbytes + 200


@dataclass(slots=True)
class JsonItem:
    """A packet of a node, an event, or a turn."""

    at: int
    topic: str
    value: Packet | Event | Mapping[str, object]
    size: int = 1_000


Item = SoundItem | JsonItem


@dataclass(slots=True)
class Backlog:
    """How much of all recordings waits to be written, in bytes."""

    taken: int = 0
    """Changed by the event loop alone."""
    written: int = 0
    """Changed by the writer's thread alone."""

    @property
    def bytes(self) -> int:
        """What waits."""
        return self.taken - self.written


class RecordingFile:
    """A file and what waits to be written to it. The loop puts items; the writer's thread calls `save`."""

    def __init__(self, path: Path, call: str, describe: Callable[[], Mapping[str, str]], backlog: Backlog) -> None:
        self.path = path
        self.call = call
        self.began = 0
        """The time of 0 on the session's clock, nanoseconds since 1970; set before the first `put`."""
        self.stopped = False
        """Whether nothing more is taken, as the disk is full or slow."""
        self.closed = False
        """Whether the file is complete, or was given up."""
        self._describe = describe
        """Gives what the metadata says of the session; called by the writer's thread."""
        self._backlog = backlog
        self._end: Mapping[str, str] | None = None
        self._items: deque[Item] = deque()
        self._file: IO[bytes] | None = None
        self._writer: Writer | None = None
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}

    # --- in the event loop

    def put(self, item: Item) -> None:
        """Takes one more item; gives the recording up if there is no memory for it."""
        if self.stopped:
            return
        if self._backlog.bytes + item.size > WAITING:
            self.stop("the disk is too slow for all that is recorded")
            return
        self._backlog.taken += item.size
        self._items.append(item)

    def finish(self, end: Mapping[str, str]) -> None:
        """The session is over: the file is completed by the next `save`."""
        self._end = end

    def stop(self, why: object) -> None:
        """Gives the recording up, with one warning; what was written before is kept."""
        if not self.stopped:
            self.stopped = True
            log.warning("call %s is not recorded any further: %s", self.call, why)

    # --- in the writer's thread

    def save(self) -> None:
        """Writes what waits, so that it survives the process; completes the file once the session is over."""
        end = self._end
        try:
            with writing(self.path):
                self._save()
                if end is not None or self.stopped:
                    self._complete(end)
        except ResourceError as error:
            self.stop(error)
            self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is."""
        self.closed = self.stopped = True
        while self._items:
            self._backlog.written += self._items.popleft().size
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                log.debug("closing %s: %s", self.path, error)

    def _save(self) -> None:
        if self._writer is None and (self._items or self._end is not None):
            self._open()
        if self._writer is None:
            return
        for item in self._taken():
            self._write(self._writer, item)
        self._writer.flush()  # type: ignore[no-untyped-call]

    def _open(self) -> None:
        info = {**self._describe(), "began": str(self.began)}  # first, so that no reader meets an empty file for long
        self._file = open(self.path, "xb", buffering=BUFFER, opener=private)  # noqa: SIM115 - closed at the end
        self._writer = Writer(self._file, compression=CompressionType.NONE)
        self._writer.start(profile="vitagraph", library="vitagraph")
        self._writer.add_metadata(SESSION, info)

    def _complete(self, end: Mapping[str, str] | None) -> None:
        if self._writer is not None and self._file is not None:
            if end is not None and not self.stopped:
                self._writer.add_metadata(END, dict(end))
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.close()
        self._file, self.closed = None, True

    def _taken(self) -> Iterator[Item]:
        """What waits, with the sound of a side that follows on joined to longer pieces."""
        pending: dict[Side, list[SoundItem]] = {}
        for _ in range(len(self._items)):
            item = self._items.popleft()
            self._backlog.written += item.size
            if isinstance(item, JsonItem):
                yield item
                continue
            run = pending.setdefault(item.side, [])
            if run and not _follows(run, item):
                yield _joined(run)
                run.clear()
            run.append(item)
        yield from (_joined(run) for run in pending.values() if run)

    def _write(self, writer: Writer, item: Item) -> None:
        time = self.began + item.at
        if isinstance(item, SoundItem):
            topic, data = sound_topic(item.side), raw_audio.encode(time, item.samples, item.rate)
        else:
            topic, data = item.topic, _data(item)
        writer.add_message(self._channel(writer, topic), time, data, time)

    def _channel(self, writer: Writer, topic: str) -> int:
        if topic not in self._channels:
            sound = topic in (sound_topic("caller"), sound_topic("assistant"))
            name, encoding = (raw_audio.NAME, "protobuf") if sound else (schema_of(topic), "json")
            if name not in self._schemas:
                schema = raw_audio.SCHEMA if sound else SCHEMAS[name]
                self._schemas[name] = writer.register_schema(name, encoding if sound else "jsonschema", schema)
            self._channels[topic] = writer.register_channel(topic, encoding, self._schemas[name])
        return self._channels[topic]


def _data(item: JsonItem) -> bytes:
    if isinstance(item.value, Packet):
        return packet_json(item.value)
    return event_json(item.value) if isinstance(item.value, Event) else json_of(item.value)


def _follows(run: list[SoundItem], item: SoundItem) -> bool:
    last = run[-1]
    lengths = {duration_of(each.samples.size, each.rate) for each in (last, item)}
    return (
        len(run) < JOINED and lengths == {FRAME} and item.rate == last.rate and item.at == last.at + FRAME
    )  # the packets can be told apart again, because all have one length


def _joined(run: list[SoundItem]) -> SoundItem:
    first = run[0]
    return SoundItem(first.at, first.side, np.concatenate([each.samples for each in run]), first.rate)
