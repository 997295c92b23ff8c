"""A call with the assistant, by its models, replays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.models import path
from nodes.packets import Samples
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from tests.vitagraph.conftest import Run
from tests.vitagraph.recording.recorded import record
from vitagraph import exits
from vitagraph.recording.wave import wave_bytes
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints

RATE = 16_000
GRAPH = Path(__file__).resolve().parents[3] / "graphs" / "assistant.yaml"
SETTINGS = {"brain": "smollm2-135m", "reproducible": "true", "chat.max_tokens": "12"}
CLIPS = ("hello_world.wav", "quick_brown_fox.wav", "hello_world.wav")


def spoken(name: str) -> Samples:
    """A sentence, and the time in which it is answered."""
    from faster_whisper import decode_audio

    sound: Any = decode_audio(str(path("speech-audioeval") / "en" / name))
    return np.concatenate([(sound * 32767).astype(np.int16), np.zeros(7 * RATE, np.int16)])


@pytest.mark.real_model
def test_recorded_call_with_the_assistant_replays_as_it_was(tmp_path: Path, run: Run) -> None:
    """What was heard and said, and when each turn was over, are the same."""
    clip = tmp_path / "caller.wav"
    clip.write_bytes(wave_bytes(np.concatenate([np.zeros(4 * RATE, np.int16), *map(spoken, CLIPS)]), RATE))
    registry = FileRegistry()
    files = find_file_endpoints(GRAPH, registry, SETTINGS).settings(clip, tmp_path / "played", greet=True)
    recorded = record(
        plan(load(GRAPH, registry=registry, settings={**SETTINGS, **files}), registry), tmp_path / "recordings"
    )
    assert len(recorded.turns) >= len(CLIPS)
    given = [argument for name, value in SETTINGS.items() for argument in ("--set", f"{name}={value}")]
    ran = run("replay", GRAPH, recorded.path, "--latency", "zero", "--compare", "--json", "--offline", *given)
    assert ran.code == exits.OK
    [shown] = json.loads(ran.out)["clips"]
    changed = [each for each in shown["comparison"]["differences"] if each["what"] != "silence"]
    assert changed == []
    assert shown["comparison"]["turns"] == len(recorded.turns)
