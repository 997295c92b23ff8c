"""`vitagraph inspect`: lists the nodes, or shows the ports and parameters of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vitagraph import console

if TYPE_CHECKING:
    from pipeline.graph.registry import Registry

_EPILOG = """
[bold]Examples[/bold]
  vitagraph inspect                        [dim]every node, one line each[/dim]
  vitagraph inspect vad.webrtc             [dim]its ports and parameters[/dim]
  vitagraph inspect my_package.nodes:Echo  [dim]your own class[/dim]
  vitagraph inspect --markdown > nodes.md  [dim]the whole reference[/dim]
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("inspect", epilog=_EPILOG)(inspect)


def inspect(
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="A node, as `use:` names it.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page of all nodes.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print the list of all nodes as a Markdown table.")] = False,
) -> None:
    """List the nodes, or show one: what it does, its ports, its parameters."""
    from pipeline.graph.registry import Registry
    from vitagraph.reference import reference, table_of

    registry = Registry(installed=not (markdown or table))
    if markdown or table:
        if node:
            raise typer.BadParameter("this page covers all nodes; omit NODE", param_hint="NODE")
        typer.echo(reference(registry) if markdown else table_of(registry), nl=False)
    elif node:
        _show(registry, node)
    else:
        _list(registry)


def _list(registry: Registry) -> None:
    from rich.table import Table

    from vitagraph.graph_tools.text import summary

    table = Table("node", "what it does", header_style="bold")
    for use in registry.names():
        table.add_row(use, summary(registry.find(use)))
    console.out().print(table)


def _show(registry: Registry, use: str) -> None:
    from vitagraph.reference import node_page

    page = node_page(use, registry.find(use))
    out = console.out()
    if not out.is_terminal:
        typer.echo(page, nl=False)
        return
    from rich.markdown import Markdown

    out.print(Markdown(page))
