"""`vitagraph drill`: checks that turns are answered despite every fault in every node."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from vitagraph import console, exits
from vitagraph.commands.options import GraphFile, Settings, load_plan, parse_settings

_EPILOG = """
[bold]Examples[/bold]
  vitagraph drill graphs/assistant.yaml
  vitagraph drill graphs/assistant.yaml --node tts --node chat
  vitagraph drill graphs/assistant.yaml --fault hang --set chat.max_tokens=20

Each cell is a call in virtual time: a short question before, during and after one
fault in the primary of one node. It is ok if each question got exactly one complete
answer, something was audible within 2 s of each failure, and the primary worked again
within 30 s of the end of the fault. Exit code 1 if a cell fails.
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("drill", epilog=_EPILOG)(drill)


def drill(
    graph: GraphFile,
    node: Annotated[
        list[str] | None, typer.Option(metavar="NODE", help="Only this node. Repeatable.", show_default=False)
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="FAULT", help="Only this fault. Repeatable.", show_default=False)
    ] = None,
    question: Annotated[
        Path | None,
        typer.Option(metavar="AUDIO", help="A recorded question; default: a synthetic voice."),
    ] = None,
    settings: Settings = None,
    offline: Annotated[bool, typer.Option("--offline", help="Download no models.")] = False,
) -> None:
    """Inject every fault into every node of a graph; show which member answers and how fast the node recovers."""
    from vitagraph import logs

    logs.set_up()
    planned = load_plan(graph, settings)
    from vitagraph.download import fetch
    from vitagraph.drill.matrix import cells
    from vitagraph.drill.question import drill_plan
    from vitagraph.drill.run import Drill
    from vitagraph.drill.table import bar, remarks, table, totals
    from vitagraph.replay.interrupt import interruptible

    wanted = cells(planned, node or (), fault or ())
    if not offline:
        fetch(planned.graph, quiet=False)
    with tempfile.TemporaryDirectory(prefix="vitagraph-drill-") as folder, bar(len(wanted)) as done:
        run = Drill(drill_plan(graph, Path(folder), question, parse_settings(settings)), wanted, done)
        with interruptible(run.stop, lambda: None):
            run.run()
    show = console.out()
    show.print(table(run.outcomes))
    show.print(totals(run.outcomes), markup=False)
    for remark in remarks(run.outcomes):
        sys.stderr.write(f"{remark}\n")
    failed = any(not outcome.ok for outcome in run.outcomes)
    raise typer.Exit(exits.INTERRUPTED if run.stopped else exits.FAILED if failed else exits.OK)
