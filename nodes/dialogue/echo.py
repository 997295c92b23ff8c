"""`dialogue.echo`: plays the audio of the caller back."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nodes.packets import Speech, Utterance, duration_of
from pipeline.caps import ANY, same
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output


class Echo(Service[NoParams]):
    """Plays the audio of every whole utterance back, unchanged.

    Needs no model: useful to measure latency, and to see a face follow the loudness alone.
    """

    speech = Input(Utterance, rate=ANY, channels=1)
    answer = Output(Speech, rate=same("speech"), channels=1)

    @speech.each
    async def say_back(self, heard: Utterance) -> AsyncIterator[Speech]:
        """Yields the same samples as an answer."""
        if heard.whole and len(heard.samples):
            at = Stamp(self.clock.now(), duration_of(len(heard.samples), heard.rate), heard.at.cause)
            yield Speech(at, heard.samples, heard.rate, text="", last=True)
