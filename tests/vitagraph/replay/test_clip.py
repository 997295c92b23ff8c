"""The clips of a replay and their folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserInputError
from vitagraph.replay.clip import clips


def made(folder: Path, *names: str) -> list[Path]:
    """Creates empty files."""
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_clips_of_the_same_name_get_separate_folders(tmp_path: Path) -> None:
    """Even if another clip is named like the folder of the second."""
    files = made(tmp_path, "a.wav", "a-2.wav", "b/a.mp3", "b/a.wav")
    names = [clip.name for clip in clips(files, Path("out"))]
    assert names == ["a", "a-2", "a-3", "a-4"]


def test_clip_that_is_missing_is_reported_before_the_run(tmp_path: Path) -> None:
    """Not after an hour of other clips."""
    [there] = made(tmp_path, "a.wav")
    with pytest.raises(UserInputError, match="no such file"):
        clips([there, tmp_path / "b.wav"], Path("out"))


def test_clip_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="a folder"):
        clips([tmp_path], Path("out"))
