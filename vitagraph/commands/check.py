"""`vitagraph check`: validates a graph and prints its least latency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vitagraph import console
from vitagraph.commands.options import GraphFile, Settings, load_plan

if TYPE_CHECKING:
    from pipeline.graph.plan import Plan

_EPILOG = """
[bold]Examples[/bold]
  vitagraph check graphs/assistant.yaml
  vitagraph check graphs/assistant.yaml --resolved
  vitagraph check graphs/assistant.yaml --set voice=piper-joe
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("check", epilog=_EPILOG)(check)


def check(
    graph: GraphFile,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print the graph as it is used, with the origin of each line.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Check a graph without running it: names, parameters, ports, caps, cycles."""
    planned = load_plan(graph, settings)
    if resolved:
        from vitagraph.graph_tools.provenance import resolved_text

        typer.echo(resolved_text(planned.graph), nl=False)
        return
    err = console.err()
    for warning in planned.warnings:
        err.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    typer.echo(f"{graph}: ok, {_count(len(planned.nodes), 'node')}, {_count(len(planned.links), 'link')}")
    typer.echo(_latency(planned))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _latency(plan: Plan) -> str:
    from pipeline.params import show_duration

    parts = " + ".join(f"{node} {show_duration(part)}" for node, part in plan.latency.parts if part)
    return f"least latency: {show_duration(plan.latency.total)}{f' ({parts})' if parts else ''}"
