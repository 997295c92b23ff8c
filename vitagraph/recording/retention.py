"""Deletes recordings that are older than they may be kept."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

NAME = re.compile(r"\d{8}T\d{6}-(?P<call>[A-Za-z0-9_-]{1,100})\.mcap")
"""The name of a recording; no other file is touched."""


def recordings_in(folder: Path) -> Iterator[Path]:
    """The recordings in a folder; links are none."""
    for path in folder.iterdir():
        if NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path


def find_recording(folder: Path, call: str) -> Path | None:
    """The recording of a call; None if there is none, or `call` is not an id."""
    for path in recordings_in(folder) if folder.is_dir() else ():
        match = NAME.fullmatch(path.name)
        if match is not None and match["call"] == call:
            return path
    return None


def delete_old(folder: Path, before: float) -> int:
    """Deletes recordings that were last written before a time in seconds since 1970; how many those were."""
    deleted = 0
    for path in list(recordings_in(folder)):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
                deleted += 1
        except OSError as error:
            log.warning("the old recording %s cannot be deleted: %s", path.name, error)
    return deleted
