"""How many events a client may send: beyond that it gets an error, and beyond that it is hung up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from vitagraph.host.bucket import TokenBucket

EVENTS = 50.0
"""Events a second; a long one counts as one for each `EVENT_BYTES`."""
EVENTS_AT_ONCE = 250.0
EVENT_BYTES = 4_000
REFUSED_AT_ONCE = 250.0
"""Events beyond the rate after which the client is hung up; one is forgiven each second."""
RESPONSES = 0.5
"""Responses a second that a client may ask for without hearing them to their end."""
RESPONSES_AT_ONCE = 5.0

Verdict = Literal["accept", "refuse", "ignore", "hang_up"]


class EventRate:
    """The rates of one client; `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._events = TokenBucket(EVENTS, EVENTS_AT_ONCE, now)
        self._refused = TokenBucket(1, REFUSED_AT_ONCE, now)
        self._errors = TokenBucket(1, 1, now)
        self._responses = TokenBucket(RESPONSES, RESPONSES_AT_ONCE, now)

    def take_event(self, length: int) -> Verdict:
        """What to do with an event of so many characters: `refuse` is with an error, which comes once a second."""
        if self._events.take(1 + length // EVENT_BYTES):
            return "accept"
        if not self._refused.take():
            return "hang_up"
        return "refuse" if self._errors.take() else "ignore"

    def take_response(self) -> bool:
        """Whether the client may ask for one more response now."""
        return self._responses.take()

    def response_completed(self) -> None:
        """A response was heard to its end: it does not count."""
        self._responses.give_back()
