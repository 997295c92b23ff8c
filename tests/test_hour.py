"""An hour of a person talking, in bounded memory: nothing is kept that has been dealt with."""

from __future__ import annotations

import wave
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import av
import numpy as np
import pytest

from nodes import models
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.packet import SECOND
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay

GRAPH = Path(__file__).parent.parent / "graphs" / "echo.yaml"
MEMORY = Path("/proc/self/statm")
MINUTE = 60 * SECOND
RATE = 16_000
MB = 1_000_000


def an_hour(file: Path) -> Path:
    """A minute of recorded speech with pauses, as mp3, sixty times over: such files may be joined end to end."""
    minute = file.with_name("minute.mp3")
    with (
        av.open(str(models.path("speech-silero") / "test.wav")) as source,
        av.open(str(minute), "w", options={"write_xing": "0", "id3v2_version": "0"}) as out,
    ):
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono")
        for frame in source.decode(audio=0):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.write_bytes(b"".join(repeat(minute.read_bytes(), 60)))
    return file


class Memory:
    """Of this process, after every minute of the clip."""

    def __init__(self) -> None:
        self.start = self.now()
        self.at: dict[int, int] = {}

    def note(self, _clip: Clip, heard: int) -> None:
        """Told how much has been heard."""
        if heard // MINUTE not in self.at:
            self.at[heard // MINUTE] = self.now()

    def now(self) -> int:
        """Bytes that are in real memory."""
        return int(MEMORY.read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Result, Memory]]:
    """The replay, and the memory that it took."""
    folder = tmp_path_factory.mktemp("hour")
    clip, registry = Clip(an_hour(folder / "hour.mp3"), folder / "out"), FileRegistry()
    settings = find_file_endpoints(GRAPH, registry, {}).settings(clip.path, clip.folder)
    memory = Memory()
    run = Replay([(clip, plan(load(GRAPH, registry=registry, settings=settings), registry))], memory.note)
    run.run("virtual", "zero")
    yield run.results[0], memory
    (clip.folder / "answer.wav").unlink()  # 115 MB


@pytest.mark.timeout(300)
@pytest.mark.skipif(not MEMORY.exists(), reason="how much memory a process has is read from Linux's /proc")
def test_hour_long_recording_does_not_grow_memory(hour: tuple[Result, Memory]) -> None:
    """Else a recording that is long enough ends every run."""
    _, memory = hour
    assert max(memory.at.values()) - memory.start < 150 * MB
    later = [used for minute, used in memory.at.items() if minute >= 10]
    assert len(later) >= 50
    assert max(later) - memory.at[10] < 20 * MB


@pytest.mark.timeout(300)
def test_hour_long_recording_is_answered_in_every_minute(hour: tuple[Result, Memory]) -> None:
    """The sixtieth as the first, and the answer is an hour long."""
    result, _ = hour
    assert (result.problems, result.warnings) == ([], [])
    turns = Counter(turn.voice_end // MINUTE for turn in result.recorder.turns if turn.silence is not None)
    assert {turns[minute] for minute in range(60)} == {turns[0]}
    assert turns[0] >= 3
    with wave.open(str(result.clip.folder / "answer.wav")) as answer:
        rate = answer.getframerate()
        assert answer.getnframes() / rate == pytest.approx(result.recorder.heard / SECOND, abs=20)
        answer.setpos(59 * 60 * rate)
        last = np.frombuffer(answer.readframes(60 * rate), "<i2")
    assert np.abs(last.astype(np.int32)).max() > 3000
