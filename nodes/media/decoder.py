"""Decodes the audio of any media file, a piece at a time, with FFmpeg."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from nodes.media._downmix import Downmix
from nodes.media._timeline import MediaTimeline
from nodes.media.files import existing
from nodes.packets import Samples
from pipeline.errors import DependencyError, UserInputError
from pipeline.packet import SECOND

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_LISTS = frozenset({"hls", "concat", "dash", "sdp"})
"""Formats that name other files: an untrusted file must not make us read those."""
_NOTHING: Samples = np.zeros(0, np.int16)


class AudioFileDecoder:
    """The audio of an open file as int16 mono at `rate` Hz. Its methods block: call them in a thread.

    Where the file has no sound for more than 100 ms, at its start or later, there is silence of that length.

    Raises UserInputError if the file is missing, damaged, or has no audio.
    """

    def __init__(self, name: str, rate: int) -> None:
        self.rate = rate
        self.damaged = 0
        """Pieces of the file that could not be decoded."""
        self._path = existing(name)
        # A cancelled read may still run in its thread when the file is closed.
        self._lock = threading.Lock()
        self._container = _opened(self._path)
        with ExitStack() as undo:
            undo.callback(self._container.close)
            self._pieces = self._resampled(_sound_of(self._container, self._path))
            self._rest = next(self._pieces, _NOTHING)
            if not self._rest.size:
                raise UserInputError(
                    f"no sound could be decoded from {self._path}",
                    hint="the file is damaged or was cut off: try to play it, then record or download it again",
                )
            undo.pop_all()

    def read(self, samples: int) -> Samples:
        """The next samples, shape (n,); fewer than asked for only at the end of the file, then none."""
        with self._lock:
            pieces, have = [self._rest], self._rest.size
            while have < samples and (piece := next(self._pieces, _NOTHING)).size:
                pieces.append(piece)
                have += piece.size
            whole = np.concatenate(pieces)
            self._rest = whole[samples:]
            return whole[:samples]

    def close(self) -> None:
        """Closes the file; then `read` gives no samples."""
        with self._lock:
            self._pieces, self._rest = iter(()), _NOTHING
            self._container.close()

    def _resampled(self, stream: AudioStream) -> Iterator[Samples]:
        """The stream in pieces that are not empty."""
        timeline = MediaTimeline(self._container)
        resampler: _Resampler | None = None
        kind = None
        for frame in self._frames(stream):
            this = (frame.format.name, frame.layout.name, frame.sample_rate)
            gap = timeline.gap(frame)
            if resampler is None or gap or this != kind:  # another kind comes where files were concatenated
                yield from resampler.rest() if resampler is not None else ()
                resampler, kind = _Resampler(self.rate, len(frame.layout.channels)), this
            yield from _silence(gap * self.rate // SECOND, self.rate)
            yield from resampler.pieces(frame)
        yield from resampler.rest() if resampler is not None else ()

    def _frames(self, stream: AudioStream) -> Iterator[AudioFrame]:
        import av

        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
            except av.error.InvalidDataError:
                self.damaged += 1
                continue
            except (av.error.FFmpegError, OSError):
                # The file cannot be read further; what came before is kept.
                self.damaged += 1
                return
            if packet is None:
                return
            yield from frames


def _opened(path: Path) -> InputContainer:
    try:
        import av
    except ImportError as error:
        raise DependencyError("reading media files needs the package av", hint="pip install av") from error
    try:
        return av.open(str(path.resolve()))
    except PermissionError as error:
        raise UserInputError(f"{path} may not be read", hint="change its permissions") from error
    except (av.error.FFmpegError, OSError) as error:
        raise UserInputError(
            f"{path} is not a sound or video file: {error.strerror or error}",
            hint="give a wav, mp3, opus, ogg, flac, m4a, mp4 or webm file; if it is one, it is damaged",
        ) from error


def _sound_of(container: InputContainer, path: Path) -> AudioStream:
    if container.format.name in _LISTS:
        raise UserInputError(f"{path} is a list of other files", hint="give one of those")
    if not container.streams.audio:
        kinds = ", ".join(sorted({str(stream.type) for stream in container.streams}))
        raise UserInputError(f"{path} has no sound, only {kinds or 'nothing'}", hint="give a file with a sound track")
    return container.streams.audio[0]


class _Resampler:
    """Converts frames of one kind to int16 mono at a rate in Hz."""

    def __init__(self, rate: int, channels: int) -> None:
        import av

        # Two channels are mixed here, because FFmpeg mixes channels in antiphase to silence.
        self._downmix = Downmix() if channels == 2 else None
        self._resampler = av.AudioResampler(format="s16", layout="stereo" if channels == 2 else "mono", rate=rate)

    def pieces(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """What a frame gives, in pieces that are not empty."""
        for piece in self._resampler.resample(frame):
            if piece.samples:
                samples = cast(Samples, piece.to_ndarray().reshape(-1))
                yield self._downmix.mono(samples) if self._downmix is not None else samples

    def rest(self) -> Iterator[Samples]:
        """What is left after the last frame."""
        return self.pieces(None)


def _silence(samples: int, most: int) -> Iterator[Samples]:
    """Silence in pieces of at most so many samples."""
    for begin in range(0, samples, most):
        yield np.zeros(min(most, samples - begin), np.int16)
