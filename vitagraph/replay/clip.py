"""The clips of a replay and the folders for their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.media.files import similar
from pipeline.errors import UserInputError
from vitagraph.recording.reader import Recording, is_recording
from vitagraph.replay.recorded_call import read_call


@dataclass(frozen=True, slots=True)
class Clip:
    """A file with sound, or the recording of a call, and the folder for its results."""

    path: Path
    folder: Path
    recording: Recording | None = None
    """The recorded call, if it is one."""
    until: int | None = None
    """Up to where that is played, nanoseconds on its session's clock; None for all of it."""

    @property
    def name(self) -> str:
        """The name of its folder, for tables and messages."""
        return self.folder.name


def clips(paths: Sequence[Path], out: Path, until: int | None = None) -> list[Clip]:
    """The clips in order, each with its own folder.

    `until` is the last turn of recorded calls. Raises UserInputError if a file is missing, or has no such turn.
    """
    for path in paths:
        if path.is_dir():
            raise UserInputError(f"{path}: a folder, not a file", hint="name audio files, such as question.wav")
        if not path.is_file():
            raise UserInputError(f"{path}: no such file", hint=similar(path))
    made: dict[str, Clip] = {}
    for path in paths:
        names = (path.stem, *(f"{path.stem}-{n}" for n in range(2, len(paths) + 2)))
        name = next(name for name in names if name not in made)
        made[name] = _clip(path, out / name, until)
    return list(made.values())


def _clip(path: Path, folder: Path, until: int | None) -> Clip:
    if is_recording(path):
        return Clip(path, folder, *read_call(path, until))
    if until is not None:
        raise UserInputError(
            f"{path} has no turns yet: only a recorded call can be ended at one",
            hint="name a recording that `serve --record` has made",
        )
    return Clip(path, folder)
