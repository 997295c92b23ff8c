"""Decodes the audio of any media file, a piece at a time, with FFmpeg."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from nodes.media.files import existing
from nodes.packets import Samples
from pipeline.errors import DependencyError, UserInputError

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_LISTS = frozenset({"hls", "concat", "dash", "sdp"})
"""Formats that name other files: an untrusted file must not make us read those."""
_NOTHING: Samples = np.zeros(0, np.int16)


class AudioFileDecoder:
    """The audio of an open file as int16 mono at `rate` Hz. Its methods block: call them in a thread.

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
        resampler, kind = None, None
        for frame in self._frames(stream):
            this = (frame.format.name, frame.layout.name, frame.sample_rate)
            if this != kind:  # at the start, and where files were concatenated
                yield from _pieces(resampler, None)
                resampler, kind = _resampler(self.rate), this
            yield from _pieces(resampler, frame)
        yield from _pieces(resampler, None)

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


def _resampler(rate: int) -> AudioResampler:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=rate)


def _pieces(resampler: AudioResampler | None, frame: AudioFrame | None) -> Iterator[Samples]:
    for piece in resampler.resample(frame) if resampler is not None else ():
        if piece.samples:
            yield cast(Samples, piece.to_ndarray().reshape(-1))
