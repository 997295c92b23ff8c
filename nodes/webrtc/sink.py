"""`webrtc.sink`: the voice and the face that a caller hears and sees."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nodes.packets import (
    Audio,
    AvatarFrames,
    CancelResponse,
    InstructionsChanged,
    PlaybackProgress,
    Samples,
    Speech,
    TextInput,
)
from nodes.webrtc.protocol import Flush
from nodes.webrtc.transport.call import NO_CALL_HINT, CallTransport
from nodes.webrtc.transport.face_sender import FaceFrameSender
from nodes.webrtc.transport.playback import RATE, Playback
from pipeline.node import Sink
from pipeline.params import NoParams
from pipeline.port import Input, Sends


class WebRtcSink(Sink[NoParams]):
    """Plays to a caller at 24 kHz, on the clock, and sends the face a little ahead of the sound.

    What is revoked is silent within 20 ms; what is held pauses, and goes on where it was.
    Both take back the face frames that had been sent ahead. What the person writes comes in
    here too, by the call's data channel, and goes upstream.
    """

    audio = Input(Speech, Audio, gated=True, channels=1)
    avatar = Input(AvatarFrames, gated=True, optional=True)
    played = Sends(PlaybackProgress)
    typed = Sends(TextInput)
    hush = Sends(CancelResponse)
    instructed = Sends(InstructionsChanged)

    @dataclass(slots=True)
    class Memory:
        """The call, which outlives every flush."""

        line: CallTransport | None = None
        lips: FaceFrameSender | None = None

    memory: Memory

    async def open(self) -> None:
        """Finds the call; raises UserInputError where there is none."""
        self.memory.line = line = self.provided(CallTransport, NO_CALL_HINT)
        line.listen(self.send_upstream)
        self.memory.lips = FaceFrameSender(
            line.send_avatar,
            lambda cause: line.send(Flush(cause.id)),
            lambda: line.rtp_origin if line.has_face else None,
        )

    async def close(self) -> None:
        """Passes nothing on any more; the call itself belongs to the host."""
        if self.memory.line is not None:
            self.memory.line.listen(None)

    @audio.of(Speech)
    async def speak(self, speech: Speech) -> None:
        """Plays a sentence, and tells those above when it begins and how far it got."""
        lips = self._lips
        samples = await self._ready(speech)
        if samples is None:
            return
        lips.expect(speech)
        playback = Playback(samples, speech.at.cause, lips.follow)
        self.send_upstream(PlaybackProgress(speech.at.cause, "", 0, ended=False, last=False))
        try:
            await self._play(playback)
        finally:  # a flush cancels it wherever it is
            playback.stop()
            lips.settle()
            text = speech.text if playback.complete else speech.heard(playback.played)
            last = speech.last and playback.complete
            self.send_upstream(PlaybackProgress(speech.at.cause, text, playback.played, ended=True, last=last))

    @audio.of(Audio)
    async def sound(self, sound: Audio) -> None:
        """Plays sound that nobody needs to hear about."""
        samples = await self._ready(sound)
        if samples is not None:
            await self._play(Playback(samples, sound.at.cause))

    @avatar.each
    async def show(self, frames: AvatarFrames) -> None:
        """Keeps the frames for the speech that they belong to."""
        self._lips.add(frames)

    async def _ready(self, sound: Speech | Audio) -> Samples | None:
        """The samples at our rate, once they may be heard; None where their cause has died by then."""
        cause = sound.at.cause
        samples = sound.samples
        if sound.rate != RATE:
            samples = await asyncio.to_thread(_resampled, samples, sound.rate)
        await cause.wait_until_decided()
        return samples if cause.live else None

    async def _play(self, playback: Playback) -> None:
        """Returns when it has been played, its cause is dead, or the call is over."""
        line = self._line
        line.player.play(playback)
        ended = asyncio.ensure_future(line.ended.wait())
        ended.add_done_callback(lambda _: playback.stop())
        try:
            await playback.over
        finally:
            playback.stop()
            ended.cancel()

    @property
    def _line(self) -> CallTransport:
        assert self.memory.line is not None, "opened first"
        return self.memory.line

    @property
    def _lips(self) -> FaceFrameSender:
        assert self.memory.lips is not None, "opened first"
        return self.memory.lips


def _resampled(samples: Samples, rate: int) -> Samples:
    import soxr

    resampled: Samples = soxr.resample(samples, rate, RATE, "HQ")
    return resampled
