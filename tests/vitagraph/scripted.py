"""A conversation whose every step happens at a known time, for exact waterfalls."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

from nodes import models
from nodes.packets import Audio, PlaybackProgress, Sentence, Speech, TextDelta, Transcript, TurnChanged
from pipeline.compute.pool import Pooled
from pipeline.errors import UserInputError
from pipeline.node import Service, Sink, Source
from pipeline.packet import Stamp
from pipeline.params import Params, ms
from pipeline.port import Input, Output, Sends

RATE = 16_000
FRAME = ms(20)

VOICE_END, TRANSCRIPT, DECIDED, TEXT, SENTENCE, SPEECH, PLAYING = map(ms, (1000, 1200, 1400, 1500, 1550, 1900, 1950))
LEAD = ms(100)
"""Quiet at the beginning of the speech."""


class ScriptedParams(Params):
    """The clip, and the failures to simulate."""

    path: str = ""
    """The recording; the word `broken` in it makes it unusable."""
    hang: bool = False
    """Whether a thread is stuck after the first packet."""
    forget: bool = False
    """Whether it waits, after the first packet, for what will never be."""


class Scripted(Source[ScriptedParams]):
    """Two seconds of a conversation."""

    audio = Output(Audio)
    words = Output(Transcript)
    answer = Output(TextDelta, Sentence, Speech)

    async def open(self) -> None:
        """Fails if the test asks for it."""
        if "broken" in Path(self.params.path).name:
            raise UserInputError(f"{self.params.path} is broken", hint="record it again")

    async def run(self) -> AsyncIterator[Any]:
        """Every step at its time."""
        cause = self.causes.begin("turn")
        for start in range(0, VOICE_END, FRAME):
            await self.clock.sleep_until(start + FRAME)
            samples = np.full(RATE // 50, 1000, np.int16)
            yield Audio(Stamp(start, FRAME, self.causes.root), samples, RATE)
            if self.params.hang:
                sys.stderr.write("stuck\n")
                sys.stderr.flush()
                await asyncio.to_thread(threading.Event().wait, 30)
            if self.params.forget:
                await asyncio.get_running_loop().create_future()
        whole = Stamp(0, VOICE_END, cause)
        yield Transcript(whole, "what is", whole=False)
        await self.clock.sleep_until(TRANSCRIPT)
        yield Transcript(whole, "what is it", whole=True, language="en", confidence=0.9)
        await self.clock.sleep_until(DECIDED)
        self.causes.commit(cause)
        self.post(TurnChanged(self.clock.now(), cause, "committed", VOICE_END))
        await self.clock.sleep_until(TEXT)
        yield TextDelta(Stamp(TEXT, 0, cause), "It is nine.", end=True)
        await self.clock.sleep_until(SENTENCE)
        yield Sentence(Stamp(TEXT, 0, cause), "It is nine.", last=True)
        await self.clock.sleep_until(SPEECH)
        samples = np.concatenate([np.zeros(RATE // 10, np.int16), np.full(RATE // 2, 9000, np.int16)])
        yield Speech(Stamp(SPEECH, ms(600), cause), samples, RATE, "It is nine.", last=True)


class Listener(Sink[ScriptedParams]):
    """Plays speech and reports it."""

    audio = Input(Audio)
    words = Input(Transcript)
    answer = Input(TextDelta, Sentence, Speech)
    played = Sends(PlaybackProgress)

    @audio.each
    async def hear(self, audio: Audio) -> None:
        """Does nothing."""

    @words.each
    async def read(self, words: Transcript) -> None:
        """Does nothing."""

    @answer.each
    async def play(self, said: TextDelta | Sentence | Speech) -> None:
        """Starts a little after the speech arrived."""
        if isinstance(said, Speech):
            await self.clock.sleep_until(PLAYING)
            self.send_upstream(PlaybackProgress(said.at.cause, "", 0, False, False))
            await self.clock.sleep(said.at.duration)
            self.send_upstream(PlaybackProgress(said.at.cause, said.text, said.at.duration, True, True))


class NeedyParams(Params):
    """The model it needs."""

    model: str = "whisper-base"
    """A model of the catalogue."""


class Needy(Service[NeedyParams]):
    """Names a model and does nothing with it."""

    engine = Pooled(lambda params: models.path(params.model))
    audio = Input(Audio)
    same = Output(Audio)

    @audio.each
    async def give(self, audio: Audio) -> AsyncIterator[Audio]:
        """Passes it on."""
        yield audio


GRAPH = """
vitagraph: 1
nodes:
  talk: tests.vitagraph.scripted:Scripted
  listener: tests.vitagraph.scripted:Listener
links:
  - talk.audio -> listener.audio
  - talk.words -> listener.words
  - talk.answer -> listener.answer
"""
