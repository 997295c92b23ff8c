"""The terminal output of a drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.packet import SECOND
from vitagraph import console
from vitagraph.drill.outcome import CellResult


def table(outcomes: Sequence[CellResult]) -> RenderableType:
    """A table with one row per cell."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    for name in ("node", "fault", "answered by"):
        made.add_column(name, no_wrap=True)
    for name in ("dead air s", "back after s"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("")
    for outcome in outcomes:
        made.add_row(*_row(outcome))
    return made


def _row(outcome: CellResult) -> Iterator[RenderableType]:
    yield Text(outcome.cell.node)
    yield outcome.cell.fault
    yield Text(", ".join(outcome.answered))
    yield _seconds(outcome.dead_air)
    yield _seconds(outcome.recovered)
    yield Text("ok", style="green") if outcome.ok else Text("failed", style="red")


def _seconds(value: int | None) -> str:
    return "-" if value is None else f"{value / SECOND:.1f}"


def remarks(outcomes: Sequence[CellResult]) -> Iterator[str]:
    """Yields every problem of every cell."""
    for outcome in outcomes:
        for problem in outcome.problems:
            yield f"{outcome.cell.node} x {outcome.cell.fault}: {problem}"


def totals(outcomes: Sequence[CellResult]) -> str:
    """`41 of 44 cells ok`."""
    return f"{sum(outcome.ok for outcome in outcomes)} of {len(outcomes)} cells ok"


@contextmanager
def bar(total: int) -> Iterator[Callable[[CellResult], None]]:
    """Shows a progress bar on a terminal; yields the function to call with each result."""
    err = console.err()
    if not err.is_terminal:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("drill", total=total)
        yield lambda outcome: progress.update(task, advance=1, description=f"{outcome.cell.node} {outcome.cell.fault}")
