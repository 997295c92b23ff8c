"""The clips of a replay and the folders for their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.media.files import similar
from pipeline.errors import UserInputError


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording and the folder for its results."""

    path: Path
    folder: Path

    @property
    def name(self) -> str:
        """The name of its folder, for tables and messages."""
        return self.folder.name


def clips(paths: Sequence[Path], out: Path) -> list[Clip]:
    """The clips in order, each with its own folder; raises UserInputError if a file is missing."""
    for path in paths:
        if path.is_dir():
            raise UserInputError(f"{path}: a folder, not a file", hint="name audio files, such as question.wav")
        if not path.is_file():
            raise UserInputError(f"{path}: no such file", hint=similar(path))
    made: dict[str, Clip] = {}
    for path in paths:
        names = (path.stem, *(f"{path.stem}-{n}" for n in range(2, len(paths) + 2)))
        name = next(name for name in names if name not in made)
        made[name] = Clip(path, out / name)
    return list(made.values())
