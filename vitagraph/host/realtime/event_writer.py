"""Writes the server's events: ids, JSON, and a queue until the client's channel opens."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

MOST_QUEUED = 512
"""Events that wait for the client's channel; beyond that the oldest are dropped."""


class EventWriter:
    """Sends events as JSON text. `salt` makes the ids of a call differ from those of other calls."""

    def __init__(self, send: Callable[[str], None], salt: str) -> None:
        self._send = send
        self._salt = salt
        self._ids = 0
        self._queue: deque[str] | None = deque(maxlen=MOST_QUEUED)
        """None once the channel is open."""

    def new_id(self, kind: str) -> str:
        """An id that no other call uses: `item_…`, `resp_…`, `event_…`."""
        self._ids += 1
        return f"{kind}_{self._salt}{self._ids:05x}"

    def emit(self, type: str, **fields: Any) -> None:
        """Sends an event, or queues it while the channel is not open."""
        text = self._encode(type, fields)
        if self._queue is None:
            self._send(text)
        else:
            self._queue.append(text)

    def open(self, *first: tuple[str, dict[str, Any]]) -> bool:
        """Sends these events, then the queued ones; does nothing and returns False if it was open already."""
        if self._queue is None:
            return False
        queued, self._queue = self._queue, None
        for type, fields in first:
            self.emit(type, **fields)
        for text in queued:
            self._send(text)
        return True

    def close(self) -> None:
        """Drops all later events."""
        self._send, self._queue = _drop, None

    def _encode(self, type: str, fields: dict[str, Any]) -> str:
        event = {"type": type, "event_id": self.new_id("event"), **fields}
        try:
            return msgspec.json.encode(event).decode()
        except UnicodeEncodeError:
            # A model may stream a surrogate pair in two halves. Escaped, the page can join them.
            return json.dumps(event)


def _drop(_: str) -> None:
    pass
