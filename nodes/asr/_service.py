"""The base class of speech recognition: every whole utterance gets a transcript or an apology."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from nodes.apologies import apologies
from nodes.packets import Transcript, Utterance
from pipeline.node import Service
from pipeline.packet import Event, Packet
from pipeline.params import Params

P = TypeVar("P", bound=Params)


class AsrService(Service[P]):
    """Base class of speech recognition nodes."""

    def requires_output(self, packet: Packet) -> bool:
        """Only a whole utterance requires a transcript; a partial one may be skipped."""
        return isinstance(packet, Utterance) and packet.whole

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet | Event]:
        """Asks the person to repeat what they said."""
        language = self.language()
        answer = apologies(language).not_heard
        return () if made else (Transcript(packet.at, "", whole=True, language=language, answer=answer),)

    def language(self) -> str:
        """The BCP 47 language that the person is expected to speak; empty if it is not known."""
        return ""
