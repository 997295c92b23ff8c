"""Whatever a person recorded with: the same words come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from nodes import models
from nodes.packets import Samples
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from vitagraph.replay.clip import clips
from vitagraph.replay.file_endpoints import find_file_endpoints
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay
from vitagraph.replay.scenario import word_error_rate

pytestmark = pytest.mark.real_model

GRAPH = Path(__file__).parent.parent / "graphs" / "transcribe.yaml"
SAID = "The quick brown fox jumps over the lazy dog"
RATE = 16_000


def spoken() -> Samples:
    """The recording as int16, mono, at 16 kHz."""
    with av.open(str(models.path("speech-audioeval") / "en" / "quick_brown_fox.wav")) as file:
        resampler = av.AudioResampler("s16", "mono", RATE)
        pieces = [piece.to_ndarray() for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
    samples: Samples = np.concatenate(pieces, axis=1)[0]
    return samples


@dataclass(frozen=True)
class Format:
    """How a file is encoded; where it is stereo, only the left side has the voice."""

    codec: str
    rate: int
    stereo: bool = False
    video: bool = False

    def write(self, file: Path, samples: Samples) -> None:
        """Makes such a file."""
        layout = "stereo" if self.stereo else "mono"
        with av.open(str(file), "w") as out:
            pictures: Any = out.add_stream("mpeg4", rate=25) if self.video else None
            sound: Any = out.add_stream(self.codec, rate=self.rate, layout=layout)
            if pictures is not None:
                pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
                for _ in range(samples.size * 25 // RATE):
                    out.mux(pictures.encode(av.VideoFrame(64, 48, "yuv420p")))
                out.mux(pictures.encode(None))
            for frame in _frames(samples, layout, sound.codec_context):
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))


def _frames(samples: Samples, layout: str, wanted: Any) -> Iterator[Any]:
    sides = np.stack([samples, np.zeros_like(samples)]) if layout == "stereo" else samples[np.newaxis]
    whole = av.AudioFrame.from_ndarray(sides.T.reshape(1, -1), format="s16", layout=layout)
    whole.sample_rate = RATE
    resampler = av.AudioResampler(wanted.format.name, layout, wanted.sample_rate, frame_size=wanted.frame_size or None)
    yield from (*resampler.resample(whole), *resampler.resample(None))


FORMATS = {
    "telephone.wav": Format("pcm_s16le", 8_000),
    "stereo.wav": Format("pcm_s16le", 44_100, stereo=True),
    "studio.wav": Format("pcm_s24le", 96_000),
    "talk.mp3": Format("libmp3lame", 44_100, stereo=True),
    "message.opus": Format("libopus", 48_000),
    "memo.m4a": Format("aac", 44_100),
    "archive.flac": Format("flac", 48_000),
    "holiday.mp4": Format("aac", 48_000, video=True),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What came of each format, all in one run of the graph."""
    folder = tmp_path_factory.mktemp("formats")
    samples = spoken()
    for name, format in FORMATS.items():
        format.write(folder / name, samples)
    registry = Registry()
    ends = find_file_endpoints(GRAPH, registry, {})
    jobs = [
        (clip, plan(load(GRAPH, registry=registry, settings=ends.settings(clip.path, clip.folder)), registry))
        for clip in clips([folder / name for name in FORMATS], folder / "out")
    ]
    run = Replay(jobs, lambda _clip, _heard: None)
    run.run("virtual", "zero")
    return {result.clip.path.name: result for result in run.results}


@pytest.mark.parametrize("name", FORMATS)
def test_recording_format_gives_the_same_words(name: str, results: dict[str, Result]) -> None:
    """Nobody should have to convert a file first."""
    result, format = results[name], FORMATS[name]
    with av.open(str(result.clip.path)) as file:
        stream = file.streams.audio[0]
        assert (stream.rate, stream.channels, bool(file.streams.video)) == (
            format.rate,
            1 + format.stereo,
            format.video,
        )
    assert (result.problems, result.warnings) == ([], [])
    heard = " ".join(turn.heard for turn in result.recorder.turns)
    assert word_error_rate(SAID, heard) <= 0.12, heard
    assert SAID.split()[1] in (result.clip.folder / "lines.jsonl").read_text(encoding="utf-8")
