"""`face.visemes`: blendshapes and head motion for every speech."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from nodes.face._heard import HeardMouth, Loudness, Voiced
from nodes.face._life import POSE, Gestures, Life
from nodes.face._mouth import SpokenMouth
from nodes.face._sounds import SETTLE, Times, smooth
from nodes.face._table import Floats
from nodes.face.arkit import INDEX, NAMES
from nodes.packets import AvatarFrames, Speech
from pipeline.node import Service
from pipeline.packet import SECOND, Stamp
from pipeline.params import Duration, Params, ms
from pipeline.port import Input, Output

_BLEND = 0.25
"""Seconds in which eyes, brows and head blend from their previous pose."""
_JOINED = ms(150)
"""Between speeches closer than this the face does not come to rest."""
_MOUTH = np.array([name.startswith(("mouth", "jaw", "tongue")) for name in NAMES] + [False] * POSE)
_ROUND = [INDEX["mouthPucker"], INDEX["mouthFunnel"]]
_SMILE = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]


class VisemesParams(Params):
    """How the face moves."""

    rate: int = Field(60, ge=10, le=120)
    """Frames per second."""
    batch: Duration = Field(ms(500), ge=ms(20), le=ms(5000))
    """Longest time span of one packet of frames, 20 ms to 5 s."""
    articulation: float = Field(1.0, ge=0.3, le=1.5)
    """How clearly the mouth articulates: 1 is ordinary, less mumbles."""
    expression: float = Field(1.0, ge=0.0, le=2.0)
    """How much eyes, brows and head move: 0 is not at all, 1 is ordinary, 2 is exaggerated. Blinks stay."""
    seed: int = Field(0, ge=0)
    """Seed of blinks and gaze. The same seed and speech give the same frames."""


class Visemes(Service[VisemesParams]):
    """Animates a face from speech: ARKit's 52 blendshapes, head and eyes.

    The mouth follows the phonemes, or the sound itself if a voice reports none. Lips lead the
    sound slightly and close for p, b and m even in quick speech; the mouth is at rest at the
    end of each speech. Blinks, gaze and head sway continue from one speech to the next; the
    head nods on stressed syllables, and the brows rise with a question.
    """

    speech = Input(Speech)
    frames = Output(AvatarFrames)

    @dataclass(slots=True)
    class State:
        row: Floats = field(default_factory=lambda: np.zeros(len(NAMES) + POSE, np.float32))
        """The last frame: weights, then pose."""
        end: int = -_JOINED
        """The end of the last speech."""

    state: State

    @speech.each
    async def animate(self, spoken: Speech) -> AsyncIterator[AvatarFrames]:
        """Yields the frames of a speech ahead of time, in batches."""
        rate = self.params.rate
        total = spoken.at.duration * rate // SECOND
        if not len(spoken.samples) or not total:
            return
        track = Track(spoken, self.params, self._from(spoken))
        self.state.end = spoken.at.pts + spoken.at.duration
        size = max(1, self.params.batch * rate // SECOND)
        for first in range(0, total, size):
            last = min(first + size, total)
            rows = track.rows(first, last - first)
            self.state.row = rows[-1]
            yield AvatarFrames(_stamp(spoken.at, first, last, rate), rows[:, : len(NAMES)], rows[:, len(NAMES) :], rate)

    def _from(self, spoken: Speech) -> Floats:
        """The frame to blend from: the last one, or a face at rest."""
        return self.state.row if abs(spoken.at.pts - self.state.end) < _JOINED else np.zeros_like(self.state.row)


def _stamp(speech: Stamp, first: int, last: int, rate: int) -> Stamp:
    offset = first * SECOND // rate
    return speech.later(offset, last * SECOND // rate - offset)


class Track:
    """The frames of one speech."""

    def __init__(self, spoken: Speech, params: VisemesParams, begin: Floats) -> None:
        duration = len(spoken.samples) / spoken.rate
        self.params = params
        self.begin = spoken.at.pts / SECOND
        self.loudness = Loudness(spoken.samples, spoken.rate, params.rate)
        self.spoken = SpokenMouth(spoken.phonemes, duration, params.articulation) if spoken.phonemes else None
        self.heard = HeardMouth(self.loudness, duration, params.articulation)
        stressed = self.spoken.sounds.stressed if self.spoken else ()
        self.gestures = Gestures.of(spoken.text, stressed, duration)
        self.life = Life(params.seed, params.expression)
        self.offset = begin - self._made(0, 1)[0]

    def rows(self, first: int, count: int) -> Floats:
        """Weights and pose of `count` frames, shape (count, 59)."""
        rows = self._made(first, count)
        times = self._times(first, count)
        fade = np.where(_MOUTH, times[:, None] / SETTLE, times[:, None] / _BLEND)
        rows += self.offset * (1 - smooth(fade)).astype(np.float32)
        np.clip(rows[:, : len(NAMES)], 0, 1, out=rows[:, : len(NAMES)])
        return rows

    def _times(self, first: int, count: int) -> Times:
        times: Times = np.arange(first, first + count) / self.params.rate
        return times

    def _made(self, first: int, count: int) -> Floats:
        times = self._times(first, count)
        weights, pose = self.life.frames(times, self.begin, self.gestures)
        mouth = self._mouth(times, first, count)
        # A rounded mouth cannot smile.
        weights[:, _SMILE] *= (1 - np.minimum(mouth[:, _ROUND].sum(axis=1), 1))[:, None]
        return np.hstack([weights + mouth, pose]).astype(np.float32)

    def _mouth(self, times: Times, first: int, count: int) -> Floats:
        if self.spoken is None:
            return self.heard.weights(first, count)
        return self.spoken.weights(times, Voiced.of(self.loudness, first, count))
