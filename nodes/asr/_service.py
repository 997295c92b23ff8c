"""What every speech recognition must give: words for each whole utterance, or an honest sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from nodes.packets import Transcript, Utterance
from pipeline.node import Service
from pipeline.packet import Event, Packet
from pipeline.params import Params

P = TypeVar("P", bound=Params)

NOT_HEARD = "Sorry, I didn't catch that. Could you say it again?"
"""What is answered where nothing could listen."""


class AsrService(Service[P]):
    """The base of speech recognitions."""

    def requires_output(self, packet: Packet) -> bool:
        """A whole utterance is written down; of what may still change nothing is owed."""
        return isinstance(packet, Utterance) and packet.whole

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet | Event]:
        """Asks the person to say it again."""
        return () if made else (Transcript(packet.at, "", whole=True, answer=NOT_HEARD),)
