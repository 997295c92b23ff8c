"""`python -m vitagraph` is the same as `vitagraph`."""

from __future__ import annotations

import os
import sys
import threading

from vitagraph.cli import main


def run() -> None:
    """Runs the program and ends the process."""
    try:
        main()
    except SystemExit as end:
        if any(thread.daemon for thread in threading.enumerate()):
            # A model may be at work in it: its native code aborts when Python shuts down around it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else bool(end.code))
        raise


if __name__ == "__main__":
    run()
