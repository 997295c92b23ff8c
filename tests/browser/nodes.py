"""Nodes whose sound and face are known beforehand, for measuring what a browser makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from pydantic import Field

from nodes.face.arkit import INDEX, NAMES
from nodes.packets import AvatarFrames, Samples, Speech, Utterance
from pipeline.caps import ANY
from pipeline.node import Service
from pipeline.packet import SECOND, Stamp
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output

RATE = 24_000
FACE_RATE = 60
BEEP = RATE // 10
"""Samples of a beep: six frames of the face."""
EVERY = RATE * 3 // 5
"""Samples from one beep to the next: 36 frames."""


def beeps(seconds: float) -> Samples:
    """A tone of 100 ms every 600 ms, the first one after 600 ms."""
    time = np.arange(round(seconds * RATE))
    on = (time >= EVERY) & (time % EVERY < BEEP)
    sound: Samples = np.where(on, 12_000 * np.sin(2 * np.pi * 1000 * time / RATE), 0).astype(np.int16)
    return sound


def buzz(seconds: float) -> Samples:
    """As loud as a voice, and never silent."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 12)]
    sound: Samples = (6_000 * np.sum(tones, axis=0)).astype(np.int16)
    return sound


class PreparedParams(Params):
    """What is said."""

    sound: str = Field("buzz", pattern="beeps|buzz")
    seconds: float = Field(10, gt=0, le=60)


class Prepared(Service[PreparedParams]):
    """Answers every whole utterance with the same sound, at once."""

    speech = Input(Utterance, rate=ANY, channels=1)
    answer = Output(Speech, rate=RATE, channels=1)

    @speech.each
    async def say(self, heard: Utterance) -> AsyncIterator[Speech]:
        """The sound, under the cause of the utterance."""
        if not heard.whole:
            return
        seconds = self.params.seconds
        samples = beeps(seconds) if self.params.sound == "beeps" else buzz(seconds)
        at = Stamp(self.clock.now(), round(seconds * SECOND), heard.at.cause)
        yield Speech(at, samples, RATE, text="", last=True)


class Jaw(Service[NoParams]):
    """Opens the jaw in each frame in whose time there is sound, and closes it in all others."""

    speech = Input(Speech, rate=RATE)
    frames = Output(AvatarFrames)

    @speech.each
    async def move(self, spoken: Speech) -> AsyncIterator[AvatarFrames]:
        """All the frames of a speech at once."""
        size = RATE // FACE_RATE
        count = len(spoken.samples) // size
        loud = np.abs(spoken.samples[: count * size].reshape(count, size)).max(axis=1) > 1_000
        weights = np.zeros((count, len(NAMES)), np.float32)
        weights[:, INDEX["jawOpen"]] = loud
        pose = np.zeros((count, 7), np.float32)
        yield AvatarFrames(spoken.at, weights, pose, FACE_RATE)
