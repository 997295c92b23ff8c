"""Logs the failures of nodes in a call: what failed and who took over, without messages, which may quote a person."""

from __future__ import annotations

import asyncio
import logging

from pipeline.events import NodeFailed
from pipeline.runtime.session import Session
from vitagraph import exits
from vitagraph.observe.watcher import SessionWatcher

log = logging.getLogger(__name__)

MOST = 20
"""Lines of one call."""


class FailureLog(SessionWatcher):
    """Writes a line for the first failure of each member in each category; with `--debug` also where it was raised."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def listen(self, session: Session) -> None:
        """Subscribes to the failures of a session."""
        session.bus.of(NodeFailed).subscribe(self._failed)

    def _failed(self, event: NodeFailed) -> None:
        key = (event.node, event.member, event.category)
        if event.reason != "fault" or key in self._told or len(self._told) >= MOST:
            return
        self._told.add(key)
        then = f"{event.answered_by} answers" if event.answered_by else "nothing takes its work over"
        # Later, as writing to a slow terminal must not hold up the node that has failed.
        later = asyncio.get_running_loop().call_soon
        later(log.warning, "%s (%s) failed, category %s: %s", event.node, event.member, event.category, then)
        if exits.debugging():
            later(log.warning, "%s failed at\n  %s", event.node, "\n  ".join(event.trace) or "no trace")
