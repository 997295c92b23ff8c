"""`media.sink`: a loudspeaker and a face that write down what they played."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodes.media._faces import FaceTrack
from nodes.media._playout import Playout, sample_at
from nodes.media._wav import WavFile
from nodes.media._whole import whole
from nodes.media.files import writing
from nodes.packets import Audio, AvatarFrames, PlaybackProgress, Samples, Speech
from pipeline.errors import ResourceError
from pipeline.node import Sink
from pipeline.params import Params, ms
from pipeline.port import Input, Sends

FRAME = ms(20)
"""How much is played between two looks at the cause."""
SAVE_AT = 50
"""Pieces in memory at which they are written: a second of 20 ms frames."""


class MediaSinkParams(Params):
    """Where to, and how fast."""

    path: str | None = None
    """A folder for `answer.wav` and `avatar.npz`; it is made if need be. None: play, write nothing."""
    pace: bool = True
    """Whether playing takes as long as it sounds; else everything is written at once."""


class Recording:
    """The files of one session. Every method blocks: call them in a thread."""

    def __init__(self, path: str) -> None:
        folder = Path(path).expanduser()
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.wav = WavFile(folder / "answer.wav")
        self.faces = FaceTrack(folder / "avatar.npz")

    def save(self) -> None:
        """Writes what is in memory."""
        self.wav.save()
        self.faces.save()

    def close(self) -> None:
        """Writes the rest and closes."""
        try:
            self.wav.close()
        finally:
            self.faces.close()


class MediaSink(Sink[MediaSinkParams]):
    """Plays to files, on the session's clock, as a loudspeaker would.

    `answer.wav` has the session's timeline: silence where nothing was said, so that it
    lines up with the recording that went in. `avatar.npz` has the frames that were shown:
    `time` in seconds, `weights`, `pose`, and their `rate` and `names`. What was cut off
    is in neither.
    """

    audio = Input(Speech, Audio, gated=True, channels=1)
    avatar = Input(AvatarFrames, gated=True, optional=True)
    played = Sends(PlaybackProgress)

    @dataclass(slots=True)
    class Memory:
        """The loudspeaker, which outlives every flush."""

        free: int = 0
        """When what was played last ended."""
        recording: Recording | None = None

    memory: Memory

    async def open(self) -> None:
        """Makes the files; raises ResourceError where they cannot be written."""
        if self.params.path is not None:
            self.memory.recording = await asyncio.to_thread(Recording, self.params.path)

    async def close(self) -> None:
        """Completes the files."""
        if self.memory.recording is not None:
            await asyncio.to_thread(self.memory.recording.close)

    @audio.of(Speech)
    async def speak(self, speech: Speech) -> None:
        """Plays a sentence, and tells those above when it begins and how far it got."""
        playout = await self._begin(speech)
        if playout is None:
            return
        recording = self.memory.recording
        if recording is not None:
            recording.faces.expect(playout)
        self.send_upstream(PlaybackProgress(speech.at.cause, "", 0, ended=False, last=False))
        try:
            await self._play(speech, playout)
        finally:  # a flush cancels it wherever it is
            playout.over = True
            if recording is not None:
                recording.faces.settle()
            text = speech.text if playout.complete else speech.heard(playout.position)
            last = speech.last and playout.complete
            self.send_upstream(PlaybackProgress(speech.at.cause, text, playout.position, ended=True, last=last))
        await self._save(1)

    @audio.of(Audio)
    async def sound(self, sound: Audio) -> None:
        """Plays sound that nobody needs to hear about."""
        playout = await self._begin(sound)
        if playout is not None:
            await self._play(sound, playout)
            await self._save(SAVE_AT)

    @avatar.each
    async def show(self, frames: AvatarFrames) -> None:
        """Keeps the frames for the speech that they belong to."""
        recording = self.memory.recording
        if recording is not None:
            recording.faces.add(frames)
            if recording.faces.waiting >= SAVE_AT:
                await asyncio.to_thread(recording.faces.save)

    async def _begin(self, sound: Speech | Audio) -> Playout | None:
        """Waits for the decision about it; None where its cause has died by then."""
        await sound.at.cause.wait_until_decided()
        return Playout.of(sound, max(self.clock.now(), self.memory.free)) if sound.at.cause.live else None

    async def _play(self, sound: Speech | Audio, playout: Playout) -> None:
        samples = await self._at_our_rate(sound)
        cause = sound.at.cause
        while not playout.complete:
            if not cause.open:
                await cause.wait_until_decided()  # silence while it is held
                if not cause.live:
                    return
                playout.go_on(self.clock.now())
            begin = playout.position
            try:
                await self._pass_frame(playout)
            finally:  # cut off within a frame, its beginning was heard
                self._record(samples, playout, begin)
                self.memory.free = playout.clock_at(playout.position)
            # Not only at the end, to which what is interrupted never comes. A full disk does not stop
            # the voice: the pieces wait, and the save at the end tells.
            with suppress(ResourceError):
                await self._save(SAVE_AT)

    async def _pass_frame(self, playout: Playout) -> None:
        if not self.params.pace:
            playout.position = playout.duration
            return
        try:
            await self.clock.sleep_until(playout.clock_at(min(playout.position + FRAME, playout.duration)))
        finally:
            playout.position = min(playout.position + FRAME, playout.played_at(self.clock.now()))

    def _record(self, samples: Samples, playout: Playout, begin: int) -> None:
        if self.memory.recording is not None:
            wav = self.memory.recording.wav
            part = samples[sample_at(begin, wav.rate) : sample_at(playout.position, wav.rate)]
            wav.put(playout.index_at(begin, wav.rate), part)

    async def _at_our_rate(self, sound: Speech | Audio) -> Samples:
        """The samples at the rate of the file, which is that of the first sound."""
        if self.memory.recording is None:
            return sound.samples
        wav = self.memory.recording.wav
        wav.rate = wav.rate or sound.rate
        if wav.rate == sound.rate:
            return sound.samples
        return await asyncio.to_thread(_resampled, sound.samples, sound.rate, wav.rate)

    async def _save(self, at_least: int) -> None:
        recording = self.memory.recording
        if recording is not None and recording.wav.waiting >= at_least:
            await asyncio.to_thread(recording.save)


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    import soxr

    return whole(soxr.resample(samples.astype(np.float32), rate, wanted, "HQ"))
