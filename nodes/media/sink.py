"""`media.sink`: a loudspeaker and a face whose output goes to files."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from nodes.media._faces import FaceTrack
from nodes.media._wav import WavFile
from nodes.media.claims import ClaimedPath
from nodes.media.files import writing
from nodes.media.resample import resampled
from nodes.packets import Audio, AvatarFrames, PlaybackProgress, Samples, SoundPlayed, Speech
from nodes.playback_tracker import PlaybackTracker, playback_ended, playback_started, sample_at
from pipeline.errors import ResourceError
from pipeline.node import Sink
from pipeline.params import Params, ms
from pipeline.port import Input, Sends

FRAME = ms(20)
"""Nanoseconds that are played between two checks of the cause."""
SAVE_AT = 50
"""Pieces in memory at which they are written, 1 s of 20 ms frames."""


class MediaSinkParams(Params):
    """Where to, and how fast."""

    path: str | None = None
    """A folder for `answer.wav` and `avatar.npz`, made if there is none; `${call}` is the name of the session.

    None: play, write nothing.
    """
    pace: bool = True
    """Whether playing takes real time; otherwise everything is written at once."""


class PlayedFiles:
    """The files of one session. Its methods block: call them in a thread. They raise ResourceError."""

    def __init__(self, path: str, session: str) -> None:
        self._claimed = ClaimedPath(path, session)
        folder = self._claimed.path
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.wav = WavFile(folder / "answer.wav")
        self.faces = FaceTrack(folder / "avatar.npz")

    def save(self) -> None:
        """Writes what is in memory."""
        self.wav.save()
        self.faces.save()

    def close(self) -> None:
        """Writes the rest, and closes the files."""
        try:
            self.wav.close()
        finally:
            self._claimed.release()
            self.faces.close()


class MediaSink(Sink[MediaSinkParams]):
    """Plays to files, on the session's clock, as a loudspeaker would.

    `answer.wav` has the session's timeline, with silence where nothing was said, so that it
    lines up with the recording that went in. `avatar.npz` has the frames that were shown:
    `time` in seconds, `weights`, `pose`, and their `rate` and `names`. What was cut off
    is in neither. Only the owner of the files may read them.
    """

    audio = Input(Speech, Audio, gated=True, channels=1)
    avatar = Input(AvatarFrames, gated=True, optional=True)
    played = Sends(PlaybackProgress)
    sounded = Sends(SoundPlayed)

    @dataclass(slots=True)
    class Memory:
        """The loudspeaker, which outlives every flush."""

        free: int = 0
        """When the last sound ended."""

    memory: Memory
    recording: PlayedFiles | None = None
    """The open files."""

    async def open(self) -> None:
        """Creates the files; raises ResourceError if they cannot be written."""
        if self.params.path is not None:
            self.recording = await asyncio.to_thread(PlayedFiles, self.params.path, self.context.session)

    async def close(self) -> None:
        """Completes the files."""
        if self.recording is not None:
            await asyncio.to_thread(self.recording.close)

    @audio.of(Speech)
    async def speak(self, speech: Speech) -> None:
        """Plays a sentence, and reports upstream when it starts and how much of it was heard."""
        tracker = await self._begin(speech)
        if tracker is None:
            return
        recording = self.recording
        if recording is not None:
            recording.faces.expect(tracker)
        self.send_upstream(playback_started(speech))
        try:
            await self._play(speech, tracker)
        finally:  # a flush may cancel it at any await
            tracker.over = True
            if recording is not None:
                recording.faces.settle()
            self.send_upstream(playback_ended(speech, tracker))
        await self._save(1)

    @audio.of(Audio)
    async def sound(self, sound: Audio) -> None:
        """Plays audio without words, of which nothing is reported."""
        tracker = await self._begin(sound)
        if tracker is not None:
            await self._play(sound, tracker)
            await self._save(SAVE_AT)

    @avatar.each
    async def show(self, frames: AvatarFrames) -> None:
        """Keeps frames until the speech that they belong to was played."""
        recording = self.recording
        if recording is not None:
            recording.faces.add(frames)
            if recording.faces.waiting >= SAVE_AT:
                await asyncio.to_thread(recording.faces.save)

    async def _begin(self, sound: Speech | Audio) -> PlaybackTracker | None:
        """Starts a sound once its cause is decided; None if it is dead by then."""
        await sound.at.cause.wait_until_decided()
        if not sound.at.cause.live:
            return None
        tracker = PlaybackTracker.of(sound)
        tracker.play(max(self.clock.now(), self.memory.free))
        return tracker

    async def _play(self, sound: Speech | Audio, tracker: PlaybackTracker) -> None:
        samples = await self._at_file_rate(sound)
        cause = sound.at.cause
        while not tracker.complete:
            if not cause.open:
                await cause.wait_until_decided()  # silence while it is held
                if not cause.live:
                    return
                tracker.play(self.clock.now())
            begin = tracker.position
            self._sound(sound, tracker)
            try:
                await self._pass_frame(tracker)
            finally:  # if it is cut off within a frame, the beginning of that was heard
                self._record(samples, tracker, begin)
                self.memory.free = tracker.time_at(tracker.position)
            # Not only at the end, which an interrupted sound does not reach. A full disk does not stop
            # playback: the pieces stay in memory, and the save at the end reports it.
            with suppress(ResourceError):
                await self._save(SAVE_AT)

    def _sound(self, sound: Speech | Audio, tracker: PlaybackTracker) -> None:
        """Sends the next frame upstream where a node wants it."""
        if "sounded" in (self.context.connected or ()):
            begin, size = sample_at(tracker.position, sound.rate), sample_at(FRAME, sound.rate)
            part = sound.samples[begin : begin + size]
            self.send_upstream(SoundPlayed(tracker.time_at(tracker.position), part, sound.rate))

    async def _pass_frame(self, tracker: PlaybackTracker) -> None:
        if not self.params.pace:
            tracker.advance(tracker.duration)
            return
        end = tracker.position + FRAME
        try:
            await self.clock.sleep_until(tracker.time_at(min(end, tracker.duration)))
        finally:
            tracker.advance(min(end, tracker.position_at(self.clock.now())))

    def _record(self, samples: Samples, tracker: PlaybackTracker, begin: int) -> None:
        if self.recording is not None:
            wav = self.recording.wav
            part = samples[sample_at(begin, wav.rate) : sample_at(tracker.position, wav.rate)]
            wav.put(tracker.sample_index(begin, wav.rate), part)

    async def _at_file_rate(self, sound: Speech | Audio) -> Samples:
        """The samples at the rate of the file, which is that of the first sound."""
        if self.recording is None:
            return sound.samples
        wav = self.recording.wav
        wav.rate = wav.rate or sound.rate
        if wav.rate == sound.rate:
            return sound.samples
        return await asyncio.to_thread(resampled, sound.samples, sound.rate, wav.rate)

    async def _save(self, at_least: int) -> None:
        recording = self.recording
        if recording is not None and recording.wav.waiting >= at_least:
            await asyncio.to_thread(recording.save)
