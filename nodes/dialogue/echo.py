"""`dialogue.echo`: says back what it heard, in the caller's own voice."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nodes.packets import Speech, Utterance, duration_of
from pipeline.caps import ANY, same
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output


class Echo(Service[NoParams]):
    """Says back the audio of every whole utterance, unchanged.

    Needs no model: for measuring latency, and for seeing a face move by loudness alone.
    """

    speech = Input(Utterance, rate=ANY, channels=1)
    answer = Output(Speech, rate=same("speech"), channels=1)

    @speech.each
    async def say_back(self, heard: Utterance) -> AsyncIterator[Speech]:
        """The same samples, as an answer."""
        if heard.whole and len(heard.samples):
            at = Stamp(self.clock.now(), duration_of(len(heard.samples), heard.rate), heard.at.cause)
            yield Speech(at, heard.samples, heard.rate, text="", last=True)
