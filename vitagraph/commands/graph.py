"""`vitagraph graph`: draws a graph."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from vitagraph.commands.options import GraphFile, Settings, load_plan

_EPILOG = """
[bold]Examples[/bold]
  vitagraph graph graphs/assistant.yaml
  vitagraph graph graphs/assistant.yaml --format dot | dot -Tsvg -o graph.svg
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("graph", epilog=_EPILOG)(graph)


def graph(
    graph: GraphFile,
    format: Annotated[Literal["mermaid", "dot"], typer.Option(help="The output format.")] = "mermaid",
    settings: Settings = None,
) -> None:
    """Draw a graph as planned: ports, caps, queues, inserted converters; upstream events are dashed."""
    planned = load_plan(graph, settings)
    from vitagraph.graph_tools.render import dot, mermaid

    typer.echo({"mermaid": mermaid, "dot": dot}[format](planned), nl=False)
