"""Paths for files that sessions write: `${call}` is filled in, and no two sessions of a process share one."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from nodes.media.files import open_private, writing
from pipeline.errors import NodeError

log = logging.getLogger(__name__)

REFERENCE = "${call}"
UNNAMED = "session"
"""In place of `${call}` in a session without a name."""

_lock = threading.Lock()
_held: set[str] = set()
_told: set[Path] = set()
"""Paths that were found in use, each of which is logged once."""


class ClaimedPath:
    """A path that a sink of one session alone writes, until it is released; blocks.

    `name` is as in the graph, and `session` what the session is called, such as the id of a call. If a running
    session writes there already, it is `NAME-2.EXT`, `NAME-3.EXT` and so on. A pipe or a device may be shared.
    """

    def __init__(self, name: str, session: str) -> None:
        wanted = Path(name.replace(REFERENCE, session or UNNAMED)).expanduser()
        with writing(wanted):
            special = wanted.exists() and not (wanted.is_file() or wanted.is_dir())
        self.path = wanted if special else _claim(wanted)
        self._finalize = weakref.finalize(self, _held.discard, "" if special else os.path.realpath(self.path))

    def release(self) -> None:
        """Other sessions may write there from now on."""
        self._finalize()


class ClaimedFile:
    """A text file that one session alone writes, open for writing; blocks. Only its owner may read it.

    `name` and `session` are as for ClaimedPath; raises what `open_private` raises.
    """

    def __init__(self, name: str, session: str, example: str) -> None:
        self._claimed = ClaimedPath(name, session)
        self.path = self._claimed.path
        try:
            self.text = open_private(str(self.path), example)
        except NodeError:
            self._claimed.release()
            raise

    def close(self) -> None:
        """Closes it; raises ResourceError if what waits cannot be written."""
        try:
            with writing(self.path):
                self.text.close()
        finally:
            self._claimed.release()


def _claim(wanted: Path) -> Path:
    with _lock:
        path = next(each for each in _candidates(wanted) if os.path.realpath(each) not in _held)
        _held.add(os.path.realpath(path))
        known = wanted in _told
        if path != wanted:
            _told.add(wanted)
    if path != wanted and not known:
        log.warning(
            "%s is written by another session already: this one writes %s; with `%s` in the path each has its own",
            wanted, path.name, REFERENCE,
        )  # fmt: skip
    return path


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
