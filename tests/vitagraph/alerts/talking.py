"""Nodes of a call that asks by itself: a question every ten seconds, and no sound on the way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import numpy as np

from nodes.packets import PlaybackProgress, Speech, TurnChanged, Utterance
from nodes.webrtc.source import WebRtcSource
from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.peer import Peer, PeerStatistics
from pipeline.errors import UserInputError
from pipeline.node import Sink
from pipeline.packet import Stamp
from pipeline.params import NoParams, ms, seconds
from pipeline.port import Input, Output, Sends

RATE = 16_000
EVERY = seconds(10)
"""From one question to the next."""
ENDPOINTING = ms(400)
"""From the end of the voice to the decision that the turn is over."""
_NONE = PeerStatistics(
    received=0, lost=0, late=0, duplicates=0, rejected=0, malformed=0, concealed_ms=0.0, silence_ms=0.0, gap_ms=0.0,
    wait_ms=20.0, sent=0, dropped=0, refused={}, direct=True,
)  # fmt: skip


class Line(Peer):
    """The connection of a caller; only its statistics are of interest."""

    def __init__(self) -> None:
        CallTransport.__init__(self)
        self.seen = _NONE
        self.connected.set()

    @property
    def has_face(self) -> bool:
        return False

    def send_text(self, text: str) -> None:
        """Drops it."""

    def send_avatar(self, batch: bytes) -> None:
        """Drops it."""

    def statistics(self) -> PeerStatistics:
        return self.seen

    def transport(self, received: int, lost: int) -> None:
        """So many packets more have come, and have been lost."""
        self.seen = replace(self.seen, received=self.seen.received + received, lost=self.seen.lost + lost)

    def end(self) -> None:
        """Somebody hangs up."""
        CallTransport.end(self)

    def stand_still(self, milliseconds: float) -> None:
        """Sound to the caller came so much later."""
        self.seen = replace(self.seen, gap_ms=self.seen.gap_ms + milliseconds)

    async def close(self) -> None:
        """It is over."""
        self.end()


class Asker(WebRtcSource):
    """Asks until the call ends."""

    speech = Output(Utterance, rate=RATE, channels=1)

    async def run(self) -> AsyncIterator[Any]:
        """A turn every ten seconds."""
        assert self.call is not None
        self.call.start()
        while not self.call.ended.is_set():
            await self.clock.sleep(EVERY)
            cause, now = self.causes.begin("turn"), self.clock.now()
            self.causes.commit(cause)
            self.post(TurnChanged(now, cause, "committed", now - ENDPOINTING))
            samples = np.zeros(RATE // 10, np.int16)
            yield Utterance(Stamp(now - ENDPOINTING - ms(100), ms(100), cause), samples, RATE, whole=True)


class Dead(WebRtcSource):
    """Fails at once."""

    async def open(self) -> None:
        """Raises."""
        raise UserInputError("it has no ears")


class Player(Sink[NoParams]):
    """Plays what is audible."""

    speech = Input(Speech)
    played = Sends(PlaybackProgress)

    @speech.each
    async def play(self, speech: Speech) -> None:
        """Reports the beginning and the end."""
        if not speech.samples.size:
            return
        cause = speech.at.cause
        self.send_upstream(PlaybackProgress(cause, "", 0, ended=False, last=False))
        await self.clock.sleep(speech.at.duration)
        self.send_upstream(PlaybackProgress(cause, speech.text, speech.at.duration, ended=True, last=speech.last))


GRAPH = """
vitagraph: 1
budget: {voice_to_voice: 3s}
nodes:
  caller: tests.vitagraph.alerts.talking:Asker
  asr:
    use: tests.drills.scripted:Listens
    fallback: tests.drills.scripted:ListensToo
  chat:
    use: tests.drills.scripted:Answers
    deadline: {first: 3s, stall: 3s, total: 20s}
    fallback: tests.drills.scripted:AnswersToo
  sentences: text.sentences
  tts: {use: tests.drills.scripted:Speaks}
  playback: tests.vitagraph.alerts.talking:Player
links:
  - caller.speech -> asr -> chat -> sentences -> tts -> playback
"""
BROKEN = """
vitagraph: 1
nodes:
  caller: tests.vitagraph.alerts.talking:Dead
  vad: vad.energy
  turn: turn.endpoint
  echo: dialogue.echo
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> echo -> playback.audio
"""
"""A graph whose calls fail."""
