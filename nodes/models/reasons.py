"""What can go wrong while a model is fetched, said so that a person can act on it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ResourceError

OFFLINE = (
    "without a network: copy the folder models/NAME from a machine that has it into $VITAGRAPH_HOME "
    "(or the cache folder), or name a `local` source in $VITAGRAPH_HOME/catalogue.yaml"
)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errors of a disk, or of a user's share of it, that has no room left."""


class Unusable(ResourceError):
    """One source does not have it, or has something else; the next may do."""


def check_space(where: Path, needed: int) -> None:
    """Raises ResourceError where the disk has no room for so many bytes."""
    if shutil.disk_usage(where).free < needed:
        raise _full(where, needed)


@contextmanager
def writing(where: Path, needed: int) -> Iterator[None]:
    """Turns what the file system refuses into a ResourceError that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(where, needed) from error
        raise ResourceError(
            f"{where} cannot be used: {error}", hint="set VITAGRAPH_HOME to a folder that you may write to"
        ) from error


def _full(where: Path, needed: int) -> ResourceError:
    free = shutil.disk_usage(where).free
    return ResourceError(
        f"the disk is full: {needed / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free in {where}",
        hint="make room, or set VITAGRAPH_HOME to a folder on another disk",
    )
