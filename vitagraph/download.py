"""Downloads models, with a progress bar on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nodes import models
from pipeline.errors import NodeError, ResourceError
from pipeline.graph.graph import Graph
from vitagraph import console

if TYPE_CHECKING:
    from rich.console import Console


def pull(name: str, *, quiet: bool = False) -> None:
    """Downloads a model in the catalogue unless it is present; raises what `nodes.models.pull` raises."""
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
    """Progress for a log: one line, at the first block."""

    def __init__(self, name: str, console: Console | None) -> None:
        self._name = name
        self._console = console

    def __call__(self, _file: str, _done: int, total: int) -> None:
        if self._console is not None:
            self._console.print(f"fetching the model {self._name} ({total / 1e6:.0f} MB)")
            self._console = None


def needed(graph: Graph) -> list[str]:
    """The models in the catalogue that parameters of any member name."""
    catalogue = models.catalogue()
    names = (value for value in _values(graph) if isinstance(value, str) and value in catalogue)
    return list(dict.fromkeys(names))


def _values(graph: Graph) -> Iterator[object]:
    for spec in graph.nodes.values():
        for member in spec.members:
            yield from dict(member.params).values()


def fetch(graph: Graph, *, quiet: bool) -> None:
    """Downloads the missing models of a graph; a failure is only a warning, because a fallback may work."""
    for name in needed(graph):
        if not is_here(name):
            try:
                pull(name, quiet=quiet)
            except NodeError as error:
                console.err().print(f"warning: {error}", style="yellow", markup=False, soft_wrap=True)


def is_here(name: str) -> bool:
    """Whether a model is present."""
    try:
        models.path(name)
    except ResourceError:
        return False
    return True
