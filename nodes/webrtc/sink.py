"""`webrtc.sink`: the voice and the face that a caller hears and sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nodes.packets import (
    Audio,
    AvatarFrames,
    CancelResponse,
    InstructionsChanged,
    PlaybackProgress,
    Samples,
    SoundPlayed,
    Speech,
    TextInput,
)
from nodes.playback_tracker import playback_ended, playback_started
from nodes.webrtc.protocol import Flush
from nodes.webrtc.transport.call import NO_CALL_HINT, CallTransport
from nodes.webrtc.transport.face_sender import FaceFrameSender
from nodes.webrtc.transport.playback import RATE, Playback
from pipeline.node import Sink
from pipeline.params import NoParams
from pipeline.port import Input, Sends


class WebRtcSink(Sink[NoParams]):
    """Plays to a caller at 24 kHz, on the clock, and sends the face a little ahead of the sound.

    A revoked answer is silent within 20 ms; a held one pauses, and resumes at the same place.
    Both void the face frames that were sent ahead. What the client sends to the graph (typed
    text, a cancellation, new instructions) comes in here too, and goes upstream.
    """

    audio = Input(Speech, Audio, gated=True, channels=1)
    avatar = Input(AvatarFrames, gated=True, optional=True)
    played = Sends(PlaybackProgress)
    sounded = Sends(SoundPlayed)
    typed = Sends(TextInput)
    hush = Sends(CancelResponse)
    instructed = Sends(InstructionsChanged)

    call: CallTransport | None = None
    face: FaceFrameSender | None = None

    async def open(self) -> None:
        """Takes the session's call; raises UserInputError if it was given none."""
        self.call = call = self.provided(CallTransport, NO_CALL_HINT)
        call.listen(self.send_upstream)
        self.face = FaceFrameSender(
            call.send_avatar,
            lambda cause: call.send(Flush(cause.id)),
            lambda: call.rtp_origin if call.has_face else None,
        )

    async def close(self) -> None:
        """Detaches from the call, which the host closes."""
        if self.call is not None:
            self.call.listen(None)

    @audio.of(Speech)
    async def speak(self, speech: Speech) -> None:
        """Plays a sentence, and reports upstream when it starts and how much of it was heard."""
        face = self._face
        samples = await self._ready(speech)
        if samples is None:
            return
        face.expect(speech)
        playback = Playback(samples, speech.at, face.follow, self._report)
        self.send_upstream(playback_started(speech))
        try:
            await self._play(playback)
        finally:  # a flush may cancel it at any await
            playback.stop()
            face.settle()
            self.send_upstream(playback_ended(speech, playback.tracker))

    @audio.of(Audio)
    async def sound(self, sound: Audio) -> None:
        """Plays audio without words, of which nothing is reported."""
        samples = await self._ready(sound)
        if samples is not None:
            await self._play(Playback(samples, sound.at, heard=self._report))

    @avatar.each
    async def show(self, frames: AvatarFrames) -> None:
        """Keeps frames until the speech that they belong to plays."""
        self._face.add(frames)

    async def _ready(self, sound: Speech | Audio) -> Samples | None:
        """The samples at our rate, once the call is up and their cause is decided; None if it is dead by then."""
        cause = sound.at.cause
        samples = sound.samples
        if sound.rate != RATE:
            samples = await asyncio.to_thread(_resampled, samples, sound.rate)
        await self._up()
        await cause.wait_until_decided()
        return samples if cause.live else None

    async def _up(self) -> None:
        """Returns when the client is connected, or the call is over."""
        call = self._call
        if call.connected.is_set():
            return
        waits = [asyncio.ensure_future(each.wait()) for each in (call.connected, call.ended)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    @property
    def _report(self) -> Callable[[Samples], None] | None:
        """What gets each frame as it goes out, where a node wants it."""
        if "sounded" not in (self.context.connected or ()):
            return None
        return lambda frame: self.send_upstream(SoundPlayed(self.clock.now(), frame, RATE))

    async def _play(self, playback: Playback) -> None:
        """Returns when it has been played, its cause is dead, or the call is over."""
        call = self._call
        call.player.play(playback)
        ended = asyncio.ensure_future(call.ended.wait())
        ended.add_done_callback(lambda _: playback.stop())
        try:
            await playback.over
        finally:
            playback.stop()
            ended.cancel()

    @property
    def _call(self) -> CallTransport:
        assert self.call is not None, "opened first"
        return self.call

    @property
    def _face(self) -> FaceFrameSender:
        assert self.face is not None, "opened first"
        return self.face


def _resampled(samples: Samples, rate: int) -> Samples:
    import soxr

    resampled: Samples = soxr.resample(samples, rate, RATE, "HQ")
    return resampled
