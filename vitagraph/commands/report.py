"""`vitagraph report`: what the sessions of a period were like."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitagraph import console
from vitagraph.commands.options import parse_period

if TYPE_CHECKING:
    from vitagraph.quality.report import Report

_EPILOG = """
[bold]Examples[/bold]
  vitagraph report
  vitagraph report --since 30d --html report.html
  vitagraph report --since 2026-01-01 --graph assistant
  vitagraph report --json

What each number means: docs/quality.md.
"""
_NOTHING = """no session is recorded in this period.

Start a host with `vitagraph serve`, make a call, and hang up: its record is
written when it ends. A host that was started with `--quality off` keeps none;
with `--quality FILE` it keeps them there: give `--db FILE`. An earlier time
is `--since 30d`."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("report", epilog=_EPILOG)(report)


def report(
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Begin of the period: 12h, 7d or 2w ago, or a date such as 2026-01-01.")
    ] = "7d",
    graph: Annotated[str, typer.Option(metavar="NAME", help="Only calls of this graph.", show_default="all")] = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts there; it needs no network.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object, for programs.")] = False,
    db: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The host's --quality file.", show_default="quality.db in the user's state folder"
        ),
    ] = None,
) -> None:
    """Report the quality of sessions: averages, percentiles, trends, and the period before."""
    import time

    now = time.time()
    made = _make(db, _begin(since, now), now, graph)
    if html is not None and (made.sessions or made.refused):
        _write(html, made)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
    elif not made.sessions and not made.refused:
        console.out().print(_NOTHING, markup=False)
    else:
        from vitagraph.quality.terminal import render

        console.out().print(render(made))


def _begin(since: str, now: float) -> float:
    """Seconds since 1970 of a time ago, or of the local midnight of a date."""
    try:
        begin = datetime.fromisoformat(since).timestamp()
    except (ValueError, OverflowError, OSError):
        return now - parse_period(since, "--since")
    if begin >= now:
        raise typer.BadParameter(f"{since} is not in the past", param_hint="--since")
    return begin


def _make(db: Path | None, begin: float, end: float, graph: str) -> Report:
    from pipeline.errors import UserInputError, did_you_mean
    from vitagraph.quality import archive, schema
    from vitagraph.quality.archive import Period
    from vitagraph.quality.report import make_report

    path = db or schema.default_path()
    before = 2 * begin - end
    if db is None and not path.exists():
        return make_report(Period(begin, end), Period(before, begin), graph)
    with schema.open_for_reading(path) as connection:
        known = archive.graphs(connection)
        if graph and graph not in known:
            raise UserInputError(f"no session of a graph `{graph}` is recorded", hint=did_you_mean(graph, known))
        now, earlier = (archive.read(connection, *times, graph) for times in ((begin, end), (before, begin)))
        return make_report(now, earlier, graph)


def _write(file: Path, made: Report) -> None:
    from importlib.metadata import version

    from pipeline.errors import UserInputError
    from vitagraph.quality.page import render

    try:
        file.write_text(render(made, version("vitagraph")), encoding="utf-8")
    except OSError as error:
        raise UserInputError(
            f"{file} cannot be written: {error.strerror}", hint="name a file in a folder of yours"
        ) from error
    console.err().print(f"the report is in {file}", style="dim", markup=False, soft_wrap=True)
