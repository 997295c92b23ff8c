"""The progress bars of a replay."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.params import seconds
from vitagraph import console
from vitagraph.replay.clip import Clip
from vitagraph.replay.progress import bars, length_of


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Four seconds of silence."""
    file = tmp_path / "four.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(4 * 2 * 8000))
    return Clip(file, tmp_path / "out" / "four")


def test_progress_length_is_read_from_the_file(clip: Clip, tmp_path: Path) -> None:
    """An unreadable file has none; the source reports why."""
    assert length_of(clip.path) == seconds(4)
    (tmp_path / "no.wav").write_bytes(b"no sound")
    assert length_of(tmp_path / "no.wav") is None


def test_progress_bar_follows_the_clip(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", lambda: Console(file=screen, force_terminal=True, width=80))
    with bars(quiet=False) as told:
        for second in (1, 2, 3):
            told(clip, seconds(second))
    assert "four" in screen.getvalue()
    assert "75%" in screen.getvalue()


def test_progress_bar_is_not_shown_in_a_pipe(clip: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    with bars(quiet=False) as told:
        told(clip, seconds(1))
    assert capsys.readouterr().err == ""
