"""A circuit breaker: a member that fails repeatedly is not called until it is healthy again.

closed --`failures` within `window`--> open --`rest` is over--> half_open: one trial call may pass.
If it succeeds: closed. If it fails: open again, and the rest doubles, up to 8 times. It sets no
timer: its state follows from the time at which it is asked. All sessions of a process share
a member's breaker, so its clock is the process's, not a session's. Not thread-safe: for the
event loop only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Literal

from pipeline.errors import classify
from pipeline.policies.spec import BreakerSpec

State = Literal["closed", "open", "half_open"]
Changed = Callable[[State, State], None]

_LONGEST = 8
_JITTER = 0.2


class Breaker:
    """Decides whether calls to a member may be made.

    Each call gets a ticket, and reports with it: `succeeded`, `failed`, or `abandoned` if
    its caller was cancelled. Reports of calls that began before the breaker last opened are
    ignored, as are those of a trial that another one has replaced. `now` gives nanoseconds;
    `changed` is called with the states before and after a change.
    """

    def __init__(
        self, spec: BreakerSpec, now: Callable[[], int], random: Random, changed: Changed = lambda *_: None
    ) -> None:
        self._spec, self._now = spec, now
        self._random = random
        self._changed = changed
        self._state: State = "closed"
        self._failed: deque[int] = deque(maxlen=spec.failures)
        self._ticket = 1
        self._until = 0  # no call passes before: the end of a rest, or of a trial's lease
        self._times = 1  # the length of the next rest, in rests
        self._rest = spec.rest

    @property
    def state(self) -> State:
        """The present state; half_open as soon as the rest is over, even before a trial."""
        if self._state == "open" and self._now() >= self._until:
            return "half_open"
        return self._state

    @property
    def ticket(self) -> int:
        """The ticket of a health probe, which is made in any state; to be taken before the probe begins."""
        return self._ticket

    def allows(self) -> int:
        """A ticket (not 0) if a call may be made now, else 0; while half open, one call may.

        If that one has not reported after as long as the last rest, another one may.
        """
        if self._state == "closed":
            return self._ticket
        now = self._now()
        if now < self._until:
            return 0
        self._ticket += 1
        self._until = now + self._rest
        self._become("half_open")
        return self._ticket

    def succeeded(self, ticket: int) -> None:
        """The call succeeded; a trial or a health probe closes the breaker."""
        if self._state != "closed" and ticket == self._ticket:
            self._failed.clear()
            self._times = 1
            self._become("closed")

    def failed(self, ticket: int, error: BaseException) -> None:
        """The call failed. An error in the user's input says nothing about the member, and does not count."""
        if ticket != self._ticket:
            return
        if classify(error) == "user_input":
            self.abandoned(ticket)
        elif self._state == "closed":
            self._count(self._now())
        elif self.state == "half_open":
            self._become("half_open")
            self._open(self._now())

    def abandoned(self, ticket: int) -> None:
        """The call ended without a result; if it was the trial, another one may be made."""
        if self._state == "half_open" and ticket == self._ticket:
            self._until = self._now()

    def _count(self, now: int) -> None:
        self._failed.append(now)
        if len(self._failed) == self._spec.failures and now - self._failed[0] <= self._spec.window:
            self._open(now)

    def _open(self, now: int) -> None:
        self._rest = round(self._spec.rest * self._times * self._random.uniform(1 - _JITTER, 1 + _JITTER))
        self._until = now + self._rest
        self._times = min(2 * self._times, _LONGEST)
        self._ticket += 1
        self._become("open")

    def _become(self, state: State) -> None:
        before, self._state = self._state, state
        if before != state:
            self._changed(before, state)
