"""Fetches models with a progress bar on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nodes import models
from vitagraph import console

if TYPE_CHECKING:
    from rich.console import Console


def pull(name: str, *, quiet: bool = False) -> None:
    """Fetches a model of the catalogue unless it is here; raises what `nodes.models.pull` raises."""
    with _bar(name, quiet=quiet) as progress:
        models.pull(name, progress)


@contextmanager
def _bar(name: str, *, quiet: bool) -> Iterator[models.Progress]:
    err = console.err()
    if quiet or not err.is_terminal:
        yield _Line(name, console=None if quiet else err)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda _file, done, total: bars.update(task, completed=done, total=total)


class _Line:
    """For a log: one line, when something really comes."""

    def __init__(self, name: str, console: Console | None) -> None:
        self._name = name
        self._console = console

    def __call__(self, _file: str, _done: int, total: int) -> None:
        if self._console is not None:
            self._console.print(f"fetching the model {self._name} ({total / 1e6:.0f} MB)")
            self._console = None
