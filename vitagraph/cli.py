"""The command line.

Each command is a module in `vitagraph.commands`, which imports heavy packages only when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vitagraph import exits
from vitagraph.commands import (
    alerts,
    avatar,
    check,
    drill,
    graph,
    health,
    inspect,
    models,
    replay,
    report,
    schema,
    serve,
    top,
)

_EPILOG = """
[bold]Examples[/bold]
  vitagraph serve
  vitagraph replay graphs/assistant.yaml question.wav
  vitagraph check graphs/assistant.yaml
  vitagraph inspect vad.webrtc

[bold]Exit codes[/bold]
  0 done, 1 the run failed, 2 wrong usage, 3 the graph is wrong,
  4 an input cannot be used, 5 a model, a package or the network is missing,
  130 interrupted
"""

app = typer.Typer(
    name="vitagraph",
    help="Streaming dataflow graphs for conversations with a machine that has a voice and a face.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)
for module in (serve, replay, check, drill, health, graph, inspect, models, schema, avatar, report, top, alerts):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vitagraph {version('vitagraph')}")
        raise typer.Exit


@app.callback()
def _global(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    if debug:
        os.environ["VITAGRAPH_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and exits with a code of `vitagraph.exits`."""
    sys.excepthook = exits.unexpected
    words = sys.argv[1:] if arguments is None else arguments
    # Error messages suggest `--debug`, so accept it anywhere.
    words = sorted(words, key=lambda word: word != "--debug")
    try:
        typer.main.get_command(app).main(args=words, prog_name="vitagraph")
    except SystemExit:
        raise
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    except exits.expected() as error:
        sys.exit(exits.report(error))
