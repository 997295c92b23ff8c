"""`media.jsonl`: packets as lines of JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np

from nodes.media.claims import ClaimedFile
from nodes.media.files import writing
from nodes.packets import Phoneme, Word
from pipeline.errors import UserInputError
from pipeline.node import Sink
from pipeline.packet import SECOND, Packet
from pipeline.params import Params
from pipeline.port import Input


class MediaJsonlParams(Params):
    """Which packets, and where to."""

    path: str
    """The file, with `${call}` for the name of the session; what it held before is replaced."""
    kinds: tuple[str, ...] = ("Transcript",)
    """The kinds of packet that are written, such as Transcript, Sentence, SpeechStart."""
    whole_only: bool = True
    """Whether packets that may still change (partial transcripts) are left out."""


class MediaJsonl(Sink[MediaJsonlParams]):
    """Writes packets to a file, one JSON object a line, each at once.

    Every line has `kind`, `pts` and `duration` in seconds, and the id of the `cause`,
    then the fields of that kind. Words have times in seconds; of arrays only the shape is
    written. The lines so far survive an interrupted run. Only the owner of the file may read it.
    """

    suffix: ClassVar[str] = ".jsonl"
    """The suffix of the file name that a replay makes up, if the graph has no `path`."""
    lines = Input(Packet, gated=True)

    file: ClaimedFile | None = None
    """The open file."""

    async def open(self) -> None:
        """Opens the file; raises a NodeError if it cannot be written or a kind is unknown."""
        known = {kind.__name__ for kind in _kinds(Packet)}
        if unknown := sorted(set(self.params.kinds) - known):
            raise UserInputError(
                f"media.jsonl: there is no kind of packet named {', '.join(unknown)}",
                hint=f"the kinds are {', '.join(sorted(known))}",
            )
        self.file = await asyncio.to_thread(ClaimedFile, self.params.path, self.context.session, "transcript.jsonl")

    async def close(self) -> None:
        """Closes the file."""
        if self.file is not None:
            await asyncio.to_thread(self.file.close)

    @lines.each
    async def write(self, packet: Packet) -> None:
        """Writes one packet, if it is wanted."""
        wanted = type(packet).__name__ in self.params.kinds
        if wanted and (getattr(packet, "whole", True) or not self.params.whole_only):
            await asyncio.to_thread(self._write, json.dumps(as_json(packet), ensure_ascii=False))

    def _write(self, line: str) -> None:
        file = self.file
        assert file is not None, "write comes after open"
        with writing(file.path):
            file.text.write(line + "\n")
            file.text.flush()


def as_json(packet: Packet) -> dict[str, object]:
    """A packet as plain values."""
    fields = (field.name for field in msgspec.structs.fields(packet) if field.name != "at")
    return {
        "kind": type(packet).__name__,
        "pts": packet.at.pts / SECOND,
        "duration": packet.at.duration / SECOND,
        "cause": packet.at.cause.id,
        **{name: _plain(getattr(packet, name)) for name in fields},
    }


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape)}
    if isinstance(value, Word | Phoneme):
        return {**msgspec.structs.asdict(value), "start": value.start / SECOND, "end": value.end / SECOND}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _kinds(base: type[Packet]) -> Iterator[type[Packet]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)
