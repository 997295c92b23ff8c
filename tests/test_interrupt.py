"""Ctrl-C in the middle of a conversation: it ends at once, and what was said so far is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes import models
from nodes.packets import Samples
from vitagraph import exits

pytestmark = pytest.mark.real_model

ROOT = Path(__file__).parent.parent
RATE = 16_000
SOON, CANCEL_GRACE = 2.0, 90.0
"""Seconds for it to end; for models to load and the first answer to be heard."""


def sound(name: str) -> Samples:
    """A recording of the catalogue, at 16 kHz."""
    from faster_whisper import decode_audio

    samples: Any = decode_audio(str(models.path("speech-audioeval") / "en" / name))
    return np.asarray(samples * 32767, np.int16)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question every ten seconds, for ten minutes: whenever it is interrupted, there was more to come."""
    question = sound("hello_world.wav")
    turn = np.concatenate([question, np.zeros(10 * RATE - question.size, np.int16)])
    file = tmp_path_factory.mktemp("talk") / "talk.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(np.tile(turn, 60).tobytes())
    return file


@pytest.fixture(params=["virtual", "real"])
def replay(request: pytest.FixtureRequest, talk: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The assistant at work: a part of its first answer has been written down."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "vitagraph",
            "replay",
            ROOT / "graphs" / "assistant.yaml",
            talk,
            "--clock",
            request.param,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_sound(process, tmp_path / "out" / "talk" / "answer.wav")
    yield process
    process.kill()
    process.communicate()


def wait_for_sound(process: subprocess.Popen[str], answer: Path) -> None:
    """Until the file holds some."""
    for _ in range(round(CANCEL_GRACE / 0.05)):
        if answer.exists() and answer.stat().st_size > 44:
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    pytest.fail("no answer came")


def check_results(folder: Path) -> dict[str, Any]:
    """All that was written can be read, and is about the first answer; returns what turns.json says."""
    with wave.open(str(folder / "answer.wav")) as answer:
        samples = np.frombuffer(answer.readframes(answer.getnframes()), "<i2")
    assert samples.size and np.abs(samples.astype(np.int32)).max() > 1000
    first, *_ = map(json.loads, (folder / "transcript.jsonl").read_text(encoding="utf-8").splitlines())
    assert first["text"].lower().startswith("hello")
    told: dict[str, Any] = json.loads((folder / "turns.json").read_text(encoding="utf-8"))
    assert "hello world" in told["turns"][0]["heard"].lower()
    return told


def test_ctrl_c_ends_a_replay_and_keeps_its_results(replay: subprocess.Popen[str], tmp_path: Path) -> None:
    """In two seconds, with exit code 130; sound, words, times and face."""
    replay.send_signal(signal.SIGINT)
    out, err = replay.communicate(timeout=SOON)
    assert (replay.returncode, err) == (exits.INTERRUPTED, "interrupted; the results so far are in out\n")
    told = check_results(tmp_path / "out" / "talk")
    assert (told["ended"], told["problems"]) == ("stopped", [])
    assert told["duration"] < 600_000
    assert told["turns"][0]["said"]
    assert "results in out/talk" in out
    with np.load(tmp_path / "out" / "talk" / "avatar.npz") as face:
        assert face["weights"].shape == (face["time"].size, 52)


def test_ctrl_c_repeated_leaves_complete_results(replay: subprocess.Popen[str], tmp_path: Path) -> None:
    """Ctrl-C again and again until it has ended: still its exit code, no traceback, and no file that is cut short."""
    for _ in range(round(SOON / 0.05)):
        replay.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            replay.wait(timeout=0.05)
            break
    _, err = replay.communicate(timeout=0.1)
    assert replay.returncode == exits.INTERRUPTED, err
    assert "Traceback" not in err
    check_results(tmp_path / "out" / "talk")
