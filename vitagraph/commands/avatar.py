"""`vitagraph avatar`: builds the default head of the avatar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_EPILOG = """
[bold]Examples[/bold]
  vitagraph avatar build
  vitagraph avatar build --out head.glb

It is built from CC0 data, which is downloaded first if it is missing (48 MB).
"""

_app = typer.Typer(help="Build the avatar's head.", epilog=_EPILOG, no_args_is_help=True, rich_markup_mode="rich")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_app, name="avatar")


@_app.command("build")
def build(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The output file.", show_default="the cache folder")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Build the head: a GLB with the 52 ARKit blendshapes, for any glTF viewer."""
    from vitagraph.avatar import DATA, default, write
    from vitagraph.download import pull

    pull(DATA, quiet=quiet)
    target = write(out or default())
    typer.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
