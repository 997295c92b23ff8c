"""`vitagraph schema`: prints the graph language as a JSON Schema."""

from __future__ import annotations

import typer

_EPILOG = """
[bold]Example[/bold]
  vitagraph schema > graph.schema.json

An editor with support for YAML schemas then completes and checks graphs that
start with
[dim]# yaml-language-server: $schema=graph.schema.json[/dim]
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("schema", epilog=_EPILOG)(schema)


def schema() -> None:
    """Print the JSON Schema of graphs, with every node's parameters."""
    import json

    from pipeline.graph.registry import Registry
    from vitagraph.graph_tools.schema import graph_schema

    typer.echo(json.dumps(graph_schema(Registry(installed=False)), indent=2, ensure_ascii=False))
