"""Errors of downloading a model, with hints for the user."""

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
"""Error numbers of a full disk or an exceeded quota."""


class Unusable(ResourceError):
    """A source lacks the files or has other content; the next source may work."""


def check_space(where: Path, needed: int) -> None:
    """Raises ResourceError if the disk has less than `needed` bytes free."""
    if shutil.disk_usage(where).free < needed:
        raise _full(where, needed)


@contextmanager
def writing(where: Path, needed: int) -> Iterator[None]:
    """Turns errors of the file system into a ResourceError that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(where, needed) from error
        raise ResourceError(
            f"{where} cannot be used: {error}", hint="set VITAGRAPH_HOME to a writable folder"
        ) from error


def _full(where: Path, needed: int) -> ResourceError:
    free = shutil.disk_usage(where).free
    return ResourceError(
        f"the disk is full: {needed / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free in {where}",
        hint="free some space, or set VITAGRAPH_HOME to a folder on another disk",
    )
