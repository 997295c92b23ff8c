"""A conversation like graphs/assistant.yaml without models, with known words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from pydantic import Field

from nodes.asr._service import AsrService
from nodes.dialogue._pieces import Pieces, without_repetition, word_by_word
from nodes.dialogue._service import DialogueService
from nodes.packets import Audio, Transcript, TranscriptUpdate, Utterance
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import SynthesizedSpeech
from pipeline.compute.pool import Pooled
from pipeline.node import Source
from pipeline.packet import Stamp
from pipeline.params import Duration, NoParams, Params, ms, seconds
from pipeline.port import Input, Output, Sends

RATE = 16_000
FRAME = ms(100)
FIRST, VOICED, REST = seconds(2), seconds(1), seconds(30)
"""When the first question begins, how long each is, and what is left for the last answer."""


class CallerParams(Params):
    """The number of questions."""

    questions: int = Field(50, ge=1)
    """How many questions."""
    every: Duration = Field(seconds(30), gt=0)
    """From one to the next."""


class Caller(Source[CallerParams]):
    """Asks: a second of noise for each question."""

    audio = Output(Audio, rate=RATE, channels=1)

    async def run(self) -> AsyncIterator[Audio]:
        """The noise, with silence between."""
        size = RATE * FRAME // seconds(1)
        loud = np.random.default_rng(0).integers(-8000, 8000, size).astype(np.int16)
        quiet = np.zeros(size, np.int16)
        end = FIRST + (self.params.questions - 1) * self.params.every + REST
        for pts in range(0, end, FRAME):
            await self.clock.sleep_until(pts + FRAME)
            asks = pts >= FIRST and (pts - FIRST) % self.params.every < VOICED
            yield Audio(Stamp(pts, FRAME, self.causes.root), loud if asks else quiet, RATE)


class Listens(AsrService[NoParams]):
    """Transcribes each utterance as the number of its turn."""

    engine = Pooled(lambda _: object(), key=lambda _: "listens")
    speech = Input(Utterance, rate=RATE, channels=1)
    text = Output(Transcript)
    heard = Sends(TranscriptUpdate)

    @speech.each
    async def transcribe(self, heard: Utterance) -> AsyncIterator[Transcript | TranscriptUpdate]:
        """One transcript per utterance, after 150 ms."""
        number = heard.at.cause.id
        await self.clock.sleep(ms(150))
        text = await self.engine.run(lambda _: f"What is number {number}?")
        yield TranscriptUpdate(heard.at.cause, text, heard.whole)
        yield Transcript(heard.at, text, heard.whole)


class ListensToo(Listens):
    """Its fallback."""

    engine = Pooled(lambda _: object(), key=lambda _: "listens too")


def answer_to(number: int) -> str:
    """The answer to the turn of that number."""
    return f"Well, {number} is one of many. It comes after {number - 1}. So {number + 1} comes next."


class Answers(DialogueService[NoParams]):
    """Answers word by word, one per 30 ms, and can continue midway."""

    engine = Pooled(lambda _: object(), key=lambda _: "answers")

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """The answer to the number in the transcript."""
        text = answer_to(heard.at.cause.id)
        async for piece in self.engine.stream(lambda _: iter([text])):
            async for word in word_by_word(piece):
                await self.clock.sleep(ms(30))
                yield word

    def continued(self, heard: Transcript, said: str) -> Pieces:
        """The rest of the answer."""
        return without_repetition(said, self.answered(heard))


class AnswersToo(Answers):
    """Its fallback."""

    engine = Pooled(lambda _: object(), key=lambda _: "answers too")


class Speaks(TtsService[VoiceParams]):
    """Gives 40 ms of sound for every letter, after 100 ms."""

    engine = Pooled(lambda _: 8000, key=lambda _: "speaks")

    async def speak(self, text: str) -> SynthesizedSpeech:
        """A tone."""
        await self.clock.sleep(ms(100))
        rate = await self.engine.run(lambda rate: rate)
        return SynthesizedSpeech(np.full(rate * 40 * len(text) // 1000, 9000, np.int16), rate)


class SpeaksToo(Speaks):
    """Its fallback."""

    engine = Pooled(lambda _: 8000, key=lambda _: "speaks too")


GRAPH = """
vitagraph: 1
nodes:
  caller: tests.drills.scripted:Caller
  vad: {use: vad.energy, fallback: {use: vad.energy, above_noise: 10}}
  turn: turn.endpoint
  asr:
    use: tests.drills.scripted:Listens
    deadline: {first: 2s, total: 4s}
    fallback: tests.drills.scripted:ListensToo
  chat:
    use: tests.drills.scripted:Answers
    deadline: {first: 2s, stall: 2s, total: 20s}
    fallback: tests.drills.scripted:AnswersToo
  sentences: text.sentences
  tts:
    use: tests.drills.scripted:Speaks
    deadline: {first: 2s, stall: 2s, total: 10s}
    fallback: tests.drills.scripted:SpeaksToo
  face: {use: face.visemes, rate: 10, deadline: {first: 1s, stall: 1s, total: 5s}}
  playback: media.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - turn.typed -> chat
  - tts -> face -> playback.avatar
"""
