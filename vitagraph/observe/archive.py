"""The timelines of the sessions of a host: those that run, and the latest that have ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from vitagraph.observe.session_timeline import SessionTimeline


class SessionArchive:
    """Keeps the timelines of running sessions and of the latest `keep` that have ended, in memory only."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._running: dict[str, SessionTimeline] = {}
        self._ended: OrderedDict[str, SessionTimeline] = OrderedDict()

    def begin(self, timeline: SessionTimeline) -> SessionTimeline:
        """Adds the timeline of a session that is about to run."""
        self._running[timeline.id] = timeline
        return timeline

    def ended(self, id: str) -> None:
        """The session is over: its timeline makes room for later ones."""
        self._ended[id] = self._running.pop(id)
        while len(self._ended) > self._keep:
            self._ended.popitem(last=False)

    def find(self, id: str) -> SessionTimeline | None:
        """The timeline of a session; None if it is not kept."""
        return self._running.get(id) or self._ended.get(id)

    def __iter__(self) -> Iterator[SessionTimeline]:
        """All of them: those that run, then those that have ended, the newest first."""
        yield from reversed(self._running.values())
        yield from reversed(self._ended.values())

    @property
    def running(self) -> int:
        """The number of sessions that run."""
        return len(self._running)
