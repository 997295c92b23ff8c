"""A bar that follows the cells of a drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vitagraph import console
from vitagraph.drill.outcome import Outcome


@contextmanager
def bar(total: int) -> Iterator[Callable[[Outcome], None]]:
    """What a drill tells each outcome; nothing is shown where nobody looks."""
    err = console.err()
    if not err.is_terminal:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("drill", total=total)
        yield lambda outcome: progress.update(task, advance=1, description=f"{outcome.cell.node} {outcome.cell.fault}")
