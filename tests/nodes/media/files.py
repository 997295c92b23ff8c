"""Media files made while a test runs, so that none lies about."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from nodes.packets import Samples


def tone(seconds: float, rate: int, *, hertz: float = 440, level: float = 0.3) -> Samples:
    """A sine, as loud as a voice."""
    times = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * 32767 * np.sin(2 * np.pi * hertz * times), np.int16)


def pitch(samples: Samples, rate: int) -> float:
    """The frequency of a sine, in Hz, from its zero crossings."""
    crossings = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    return float((len(crossings) - 1) * rate / (crossings[-1] - crossings[0]))


def sound_file(
    path: Path,
    channels: list[Samples],
    rate: int,
    *,
    codec: str = "pcm_s16le",
    picture: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Writes channels to a file of the format that its name says; with `picture`, a video of black."""
    with av.open(str(path), "w", options=options or {}) as container:
        screen: Any = container.add_stream("mpeg4", rate=10) if picture else None
        sound: Any = container.add_stream(codec, rate=rate, layout="stereo" if len(channels) == 2 else "mono")
        if screen is not None:
            screen.width = screen.height = 64
            _write(container, screen, [av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")] * 3)
        fifo = av.AudioFifo()
        frame = av.AudioFrame.from_ndarray(
            np.stack(channels, axis=1).reshape(1, -1), format="s16", layout=sound.layout.name
        )
        frame.sample_rate = rate
        resampled = av.AudioResampler(format=sound.format.name, layout=sound.layout.name, rate=rate).resample(frame)
        for piece in resampled:
            fifo.write(piece)
        size = sound.codec_context.frame_size or 1024
        _write(container, sound, [*fifo.read_many(size), *([rest] if (rest := fifo.read(0, partial=True)) else [])])
    return path


def timed_file(path: Path, parts: list[tuple[float, Samples]], rate: int, *, codec: str) -> Path:
    """Writes mono sounds that begin at these seconds, and nothing between them: the timestamps have gaps."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        size = stream.codec_context.frame_size or 960
        frames = []
        for begin, samples in parts:
            for at in range(0, len(samples) - size + 1, size):
                frame = av.AudioFrame.from_ndarray(samples[None, at : at + size], format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = rate, round(begin * rate) + at, Fraction(1, rate)
                frames += av.AudioResampler(format=stream.format.name, layout="mono", rate=rate).resample(frame)
        _write(container, stream, frames)
    return path


def silent_video(path: Path) -> Path:
    """A video without a sound track."""
    with av.open(str(path), "w") as container:
        screen = container.add_stream("mpeg4", rate=10)
        screen.width = screen.height = 64
        _write(container, screen, [av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")] * 3)
    return path


def _write(container: Any, stream: Any, frames: list[Any]) -> None:
    for frame in [*frames, None]:
        container.mux(stream.encode(frame))
