"""What is said to a caller who is silent: one question, and later a goodbye."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.turn._params import EndpointParams


@dataclass(slots=True)
class CallerSilence:
    """How long nobody has spoken since an answer was played to its end."""

    since: int | None = None
    """When that was, nanoseconds; None while an answer is awaited or played, or before the first one."""
    said: int = 0
    """1 once the caller was asked, 2 once they were told goodbye."""

    def turn(self) -> None:
        """The caller has said something."""
        self.since, self.said = None, 0

    def prompt(self, now: int, params: EndpointParams) -> str:
        """What is to be said now, which then counts as said; empty for nothing."""
        steps = ((params.reprompt_after, params.reprompt), (params.goodbye_after, params.goodbye))
        if self.since is None or self.said >= len(steps):
            return ""
        wait, text = steps[self.said]
        if not wait or not text or now - self.since < wait:
            return ""
        self.since, self.said = None, self.said + 1
        return text
