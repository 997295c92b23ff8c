"""Real recordings through real nodes: reported figures match the audible result."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from nodes import models
from nodes.packets import AUDIBLE
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.packet import SECOND
from pipeline.runtime.virtual import Latency
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay
from vitagraph.waterfall import PARTS

ROOT = Path(__file__).resolve().parents[3]

ECHO = """
vitagraph: 1
nodes:
  caller: media.source
  vad: vad.energy
  turn: turn.endpoint
  echo: dialogue.echo
  playback: media.sink
links:
  - caller -> vad -> turn -> echo -> playback.audio
"""


def echoed(clip: Path, folder: Path) -> Result:
    """The result of a clip that is echoed, in virtual time without latency."""
    graph = folder / "graph.yaml"
    graph.write_text(ECHO, encoding="utf-8")
    return replayed(graph, clip, folder, "zero")


def replayed(graph: Path, clip: Path, folder: Path, latency: Latency) -> Result:
    """The result of a clip."""
    registry = FileRegistry()
    job = Clip(clip, folder / "out")
    settings = find_file_endpoints(graph, registry, {}).settings(job.path, job.folder)
    run = Replay([(job, plan(load(graph, registry=registry, settings=settings), registry))], lambda _clip, _heard: None)
    run.run("virtual", latency)
    return run.results[0]


def first_sound(answer: Path, after: int) -> int | None:
    """Nanoseconds from a moment to the first audible sample of the answer."""
    with wave.open(str(answer)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int32)
    loud = np.flatnonzero(np.abs(samples[after * rate // SECOND :]) > AUDIBLE)
    return int(loud[0]) * SECOND // rate if loud.size else None


def check_silences(result: Result) -> None:
    """The reported silence of each turn equals the one in the file, to half a millisecond."""
    assert result.problems == []
    answered = [turn for turn in result.recorder.turns if turn.silence is not None]
    assert answered
    for turn in answered:
        heard = first_sound(result.clip.folder / "answer.wav", turn.voice_end)
        assert heard == pytest.approx(turn.silence, abs=SECOND // 2000)
        assert sum(turn.parts().values()) == turn.silence


@pytest.mark.parametrize("clip", ["speech-audioeval/en/hello_world.wav", "speech-beckett/beckett.wav"])
def test_replay_reported_latency_matches_the_audio(clip: str, tmp_path: Path) -> None:
    name, _, rest = clip.partition("/")
    check_silences(echoed(models.path(name) / rest, tmp_path))


@pytest.mark.real_model
def test_replay_assistant_answers_a_question(tmp_path: Path) -> None:
    """The first command of the README: words recognised, an answer spoken, every part of the wait reported."""
    clip = models.path("speech-audioeval") / "en" / "hello_world.wav"
    result = replayed(ROOT / "graphs" / "assistant.yaml", clip, tmp_path, "measured")
    check_silences(result)
    [turn] = result.recorder.turns
    assert "hello world" in turn.heard.lower()
    assert turn.said
    assert set(turn.parts()) == set(PARTS)
    assert (result.clip.folder / "avatar.npz").stat().st_size > 0


def test_replay_is_deterministic(tmp_path: Path) -> None:
    """Bit for bit."""
    clip = models.path("speech-beckett") / "beckett.wav"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = echoed(clip, tmp_path / "one"), echoed(clip, tmp_path / "two")
    assert one.as_json() == two.as_json()
    assert (one.clip.folder / "answer.wav").read_bytes() == (two.clip.folder / "answer.wav").read_bytes()
