"""A voice for short calls, without a model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np

from nodes.packets import Sentence, Speech, duration_of
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output

RATE = 24_000


class Tone(Service[NoParams]):
    """Says each sentence as a tone of 300 ms."""

    text = Input(Sentence)
    speech = Output(Speech, rate=RATE, channels=1)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """The tone."""
        samples = (8_000 * np.sin(np.arange(RATE * 3 // 10) / 10)).astype(np.int16)
        at = Stamp(self.clock.now(), duration_of(samples.size, RATE), sentence.at.cause)
        yield Speech(at, samples, RATE, sentence.shown or sentence.text, last=sentence.last)
