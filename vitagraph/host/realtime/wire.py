"""The way to the client: numbers the events, writes them as JSON, and keeps them until it can hear."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

MOST_KEPT = 512
"""Events that wait for the client's channel; then the oldest go."""


class Wire:
    """Sends the server's events. `salt` makes its ids differ from those of other calls."""

    def __init__(self, send: Callable[[str], None], salt: str) -> None:
        self._send = send
        self._salt = salt
        self._made = 0
        self._kept: deque[str] | None = deque(maxlen=MOST_KEPT)

    def new(self, kind: str) -> str:
        """An id that no other call has: `item_…`, `resp_…`, `event_…`."""
        self._made += 1
        return f"{kind}_{self._salt}{self._made:05x}"

    def emit(self, type: str, **fields: Any) -> None:
        """Sends an event, or keeps it where the channel is not open yet."""
        text = self._written(type, fields)
        if self._kept is None:
            self._send(text)
        else:
            self._kept.append(text)

    def open(self, *first: tuple[str, dict[str, Any]]) -> bool:
        """Sends these events, then what was kept; False where it was open already."""
        if self._kept is None:
            return False
        kept, self._kept = self._kept, None
        for type, fields in first:
            self.emit(type, **fields)
        for text in kept:
            self._send(text)
        return True

    def close(self) -> None:
        """Sends nothing any more."""
        self._send, self._kept = _nowhere, None

    def _written(self, type: str, fields: dict[str, Any]) -> str:
        event = {"type": type, "event_id": self.new("event"), **fields}
        try:
            return msgspec.json.encode(event).decode()
        except UnicodeEncodeError:
            # A model may stream half of a surrogate pair at a time: escaped, the halves meet again in the page.
            return json.dumps(event)


def _nowhere(_: str) -> None:
    pass
