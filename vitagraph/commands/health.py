"""`vitagraph health`: whether the members of a graph's services can do their work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitagraph import console, exits
from vitagraph.commands.options import GraphFile, Settings, load_plan

if TYPE_CHECKING:
    from pipeline.graph.plan import Plan
    from pipeline.runtime.health import MemberHealth

_EPILOG = """
[bold]Examples[/bold]
  vitagraph health graphs/assistant.yaml
  vitagraph health graphs/assistant.yaml --set voice=piper-joe
  vitagraph health graphs/assistant.yaml --json

[bold]Exit codes[/bold]
  0 all members are healthy, 1 some are not but each node has a healthy one,
  5 a node has no healthy member
"""
_STYLES = {"healthy": "green", "unhealthy": "red", "circuit_open": "yellow", "unknown": "dim"}
_PER_MS = 1_000_000
_LIMIT = 60 * 1_000_000_000
"""Nanoseconds for one member, including the time to load it."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("health", epilog=_EPILOG)(health)


def health(
    graph: GraphFile,
    settings: Settings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects, for programs.")] = False,
) -> None:
    """Load the models of a graph and let each member of its services do a small piece of real work."""
    import asyncio

    plan = load_plan(graph, settings)
    report = asyncio.run(_check(plan))
    if as_json:
        _print_json(report)
    else:
        _print_table(report)
    if code := _code(report):
        raise typer.Exit(code)


async def _check(plan: Plan) -> tuple[MemberHealth, ...]:
    from pipeline.runtime.health import Health
    from pipeline.runtime.runner import Runner

    async with Runner() as runner:
        health = Health(runner.resources, runner.policies, limit=_LIMIT)
        health.add(plan)
        try:
            await health.check()
            return health.report()
        finally:
            await health.stop()


def _code(report: tuple[MemberHealth, ...]) -> int:
    from pipeline.runtime.health import unserviceable_nodes

    if unserviceable_nodes(report):
        return exits.UNAVAILABLE
    return exits.OK if all(member.able for member in report) else exits.FAILED


def _print_json(report: tuple[MemberHealth, ...]) -> None:
    import json

    def told(member: MemberHealth) -> dict[str, Any]:
        words = {"message": member.message, "hint": member.hint}
        took = round(member.took / _PER_MS, 1)
        return {"node": member.node, "member": member.use, "state": member.state, "took_ms": took, **words}

    typer.echo(json.dumps([told(member) for member in report], indent=2))


def _print_table(report: tuple[MemberHealth, ...]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "node", "member", "state", "took, with loading", "what is wrong, and what to do", box=None, pad_edge=False
    )
    for member in report:
        took = f"{member.took / _PER_MS:.0f} ms" if member.took else ""
        words = "\n".join(filter(None, (member.message, member.hint)))
        state = f"[{_STYLES[member.state]}]{member.state}[/]"
        table.add_row(member.node, escape(member.use), state, took, escape(words))
    console.out().print(table)
