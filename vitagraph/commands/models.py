"""`vitagraph models`: lists, downloads and verifies models."""

from __future__ import annotations

from typing import Annotated

import typer

from vitagraph import console

_EPILOG = """
[bold]Examples[/bold]
  vitagraph models list
  vitagraph models pull whisper-tiny.en piper-joe
  vitagraph models verify

Models are stored in the cache folder of the user, or in the folder VITAGRAPH_HOME.
"""

_TESTS = "speech-"
"""Name prefix of recordings that only tests need."""
_NOT_TESTED = frozenset({"qwen2.5-1.5b", "qwen2.5-0.5b"})
"""Large models without which the tests do."""

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)]

_app = typer.Typer(
    help="List, download and verify models.", epilog=_EPILOG, no_args_is_help=True, rich_markup_mode="rich"
)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_app, name="models")


@_app.command("list")
def list_models() -> None:
    """List all models, and whether they are downloaded."""
    from rich.table import Table

    from nodes.models import catalogue
    from vitagraph.download import is_here

    table = Table(header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("here")
    table.add_column("MB", justify="right")
    table.add_column("licence")
    table.add_column("what it is")
    for name, entry in catalogue().items():
        here = "yes" if is_here(name) else "no"
        table.add_row(name, here, f"{entry.size / 1e6:.0f}", entry.licence, entry.description)
    console.out().print(table)


@_app.command("pull")
def pull_models(
    names: Names = None,
    tests: Annotated[
        bool, typer.Option("--tests", help="What the tests use: recordings too, but no large models.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Download models (by default all) and verify their checksums."""
    from nodes.models import catalogue, path
    from vitagraph.download import pull

    unwanted = _NOT_TESTED if tests else {name for name in catalogue() if name.startswith(_TESTS)}
    wanted = names or [name for name in catalogue() if name not in unwanted]
    for name in wanted:
        pull(name, quiet=quiet)
    for name in wanted:
        typer.echo(f"{name}: {path(name)}")


@_app.command("verify")
def verify_models(names: Names = None) -> None:
    """Verify the checksums of models (by default all that are downloaded)."""
    from nodes.models import catalogue, verify
    from vitagraph.download import is_here

    wanted = names or [name for name in catalogue() if is_here(name)]
    for name in wanted:
        verify(name)
        typer.echo(f"{name}: ok")
    if not wanted:
        typer.echo("no models are downloaded; `vitagraph models pull` downloads them")
