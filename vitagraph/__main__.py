"""`python -m vitagraph` is the same as `vitagraph`."""

from __future__ import annotations

import os
import sys
import threading

INTERRUPTED = 130
"""The value in `vitagraph.exits`, whose import Ctrl-C may interrupt."""


def run() -> None:
    """Runs the program and ends the process."""
    try:
        try:
            from vitagraph.cli import main

            main()
        except SystemExit as end:
            if end.code == INTERRUPTED or any(thread.daemon for thread in threading.enumerate()):
                # A model may be computing in a thread; its native code aborts if Python shuts down meanwhile.
                _leave(end.code if isinstance(end.code, int) else bool(end.code))
            raise
    except KeyboardInterrupt:
        # Ctrl-C during import, or a second time during shutdown.
        _leave(INTERRUPTED)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
