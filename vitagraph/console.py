"""Where the program writes: results to stdout, everything else to stderr. NO_COLOR is respected."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from vitagraph import exits

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 120
"""Columns where the output is not a terminal: rich's own guess of 80 would cut tables."""


def out() -> Console:
    """For results."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None, highlight=False)


def err() -> Console:
    """For progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class OneLine(logging.Formatter):
    """Log records without tracebacks, unless somebody is debugging."""

    def formatException(self, ei: Any) -> str:
        """The exception in a line."""
        return super().formatException(ei) if exits.debugging() else f"{ei[0].__name__}: {ei[1]}"


def log_to_stderr() -> None:
    """Shows what packages log, from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
