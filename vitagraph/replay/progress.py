"""Progress bars of a replay, one per clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.packet import SECOND
from vitagraph import console
from vitagraph.replay.clip import Clip

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

STEP = SECOND
"""Nanoseconds of audio between two updates of a bar."""


@contextmanager
def bars(*, quiet: bool) -> Iterator[Callable[[Clip, int], None]]:
    """Shows progress bars on a terminal; yields the function to call with each position."""
    err = console.err()
    if quiet or not err.is_terminal:
        yield lambda _clip, _heard: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        yield _Bars(progress).heard


class _Bars:
    """Progress bars, each created when its clip starts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._shown = 0

    def heard(self, clip: Clip, heard: int) -> None:
        """Updates the bar of a clip; `heard` is in nanoseconds."""
        if clip.name not in self._tasks:
            self._tasks[clip.name] = self._progress.add_task(clip.name, total=length_of(clip.path))
            self._shown = 0
        if heard - self._shown >= STEP:
            self._shown = heard
            self._progress.update(self._tasks[clip.name], completed=heard)


def length_of(file: Path) -> int | None:
    """Duration of a recording in nanoseconds according to its header; None if unknown."""
    import av

    try:
        with av.open(str(file)) as container:
            return container.duration * 1000 if container.duration else None
    except av.error.FFmpegError:
        return None
