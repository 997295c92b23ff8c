"""`replay --html`: a page with the timeline and the sound of both sides."""

from __future__ import annotations

import base64
import json
import re
import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ResourceError
from tests.vitagraph.host.dialling import SCRIPTED, scripted
from vitagraph.recording.wave import wave_bytes
from vitagraph.replay.clip import Clip
from vitagraph.replay.jobs import plan_of
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay
from vitagraph.replay.timeline_file import write_timeline


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What `npm run build` makes, as far as it matters here."""
    folder = tmp_path / "static" / "timeline"
    folder.mkdir(parents=True)
    (folder / "timeline.js").write_text("show();", encoding="utf-8")
    (folder / "timeline.css").write_text("body{}", encoding="utf-8")
    return folder.parent


def replayed(tmp_path: Path, *, timelines: bool = True) -> Result:
    """A clip with one tone, replayed."""
    tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    sound = np.concatenate([np.zeros(8_000), tone, np.zeros(24_000)]).astype(np.int16)
    file = tmp_path / "question.wav"
    file.write_bytes(wave_bytes(sound, 16_000))
    clip = Clip(file, tmp_path / "out" / "question")
    plan = plan_of(scripted(tmp_path, text=SCRIPTED), clip, {})
    run = Replay([(clip, plan)], lambda clip, heard: None, timelines=timelines)
    run.run("virtual", "zero")
    return run.results[0]


def test_timeline_file_has_the_turn_and_the_sound_of_both_sides(tmp_path: Path, built: Path) -> None:
    """A developer sends one file to another, who sees and hears where the turn went wrong."""
    result = replayed(tmp_path)
    file = write_timeline(result, built)
    assert file is not None and file.name == "timeline.html"
    text = file.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', text)
    assert found is not None
    document = json.loads(found[1])
    (turn,) = document["turns"]
    assert (document["kind"], document["outcome"], turn["outcome"]) == ("replay", "completed", "answered")
    assert turn["silence"] == pytest.approx(result.recorder.turns[0].silence / 1e6, abs=0.001)  # type: ignore[operator]
    for side, seconds in (("caller", 3.0), ("assistant", 1.0)):
        sound = base64.b64decode(document["sound"][side].removeprefix("data:audio/wav;base64,"))
        with wave.open(BytesIO(sound)) as played:
            assert played.getnframes() / played.getframerate() >= seconds, side
    assert max(document["caller"]["peaks"]) > 50 and max(document["assistant"]["peaks"]) > 50


def test_timeline_file_is_written_only_if_it_is_wanted(tmp_path: Path, built: Path) -> None:
    """A replay of a thousand clips writes no pages by itself."""
    assert write_timeline(replayed(tmp_path, timelines=False), built) is None


def test_timeline_file_without_the_built_page_says_what_to_do(tmp_path: Path) -> None:
    """In a clone that was never served."""
    with pytest.raises(ResourceError, match="npm run build"):
        write_timeline(replayed(tmp_path), tmp_path / "none")
