"""Makes audio louder or softer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from nodes.packets import Audio
from pipeline import Input, Output, Params, Transform, same


class GainParams(Params):
    decibels: float = Field(6.0, ge=-60, le=60)
    """How much louder; negative is softer."""


class Gain(Transform[GainParams]):
    """Makes audio louder or softer, and clips what would overflow."""

    audio = Input(Audio, channels=1)
    louder = Output(Audio, rate=same("audio"), channels=1)

    @audio.each
    def amplify(self, heard: Audio) -> Iterable[Audio]:
        scaled = heard.samples * 10 ** (self.params.decibels / 20)
        yield Audio(heard.at, np.clip(scaled, -32768, 32767).astype(np.int16), heard.rate)
