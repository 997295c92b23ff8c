"""Consoles: results go to stdout, everything else to stderr. NO_COLOR is respected."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from vitagraph import exits

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 120
"""Columns if the output is not a terminal; rich would assume 80 and cut tables."""


def out() -> Console:
    """The console for results."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None, highlight=False)


def err() -> Console:
    """The console for progress and messages."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class OneLine(logging.Formatter):
    """Formats log records without tracebacks, except with `--debug`."""

    def formatException(self, ei: Any) -> str:
        """The exception in one line."""
        return super().formatException(ei) if exits.debugging() else f"{ei[0].__name__}: {ei[1]}"


def log_to_stderr() -> None:
    """Shows log records of all packages from level WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
