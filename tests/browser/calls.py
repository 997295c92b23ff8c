"""The call page as a person uses it, and what the probe sees of a call meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.sounds import Recording

PHONE = ViewportSize(width=375, height=667)
"""A small face, which costs little to draw."""
CANCEL_GRACE = 15_000
"""Milliseconds that a step of a call may take."""


@dataclass(frozen=True)
class Seen:
    """All that the probe saw."""

    microphone: Recording
    """As the page captures it: after the browser's own processing."""
    heard: Recording
    """As the browser's mixer gets it from the jitter buffer."""
    events: list[dict[str, Any]]
    looks: list[list[float]]
    """When (ms), RTP time heard, whether frames are shown, then weights of the mouth, the jaw's first."""
    batches: list[dict[str, Any]]
    stats: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type, and when they came."""
        return [event for event in self.events if event["type"] == kind]


@dataclass
class CallPage:
    """The page in a browser."""

    page: Page
    url: str
    """Of the host."""
    artefacts: Path
    errors: list[str] = field(default_factory=list)
    """What the console complains about: a test ends with none, or empties it."""

    @property
    def state(self) -> Locator:
        """The state of the call, in words."""
        return self.page.locator(".state")

    @property
    def answers(self) -> Locator:
        """What the machine said."""
        return self.page.locator('article[data-speaker="assistant"]')

    @property
    def questions(self) -> Locator:
        """What the person said."""
        return self.page.locator('article[data-speaker="person"]')

    def go(self, path: str) -> None:
        """Opens a page of the host."""
        self.page.goto(self.url + path)

    def call(self, name: str = "Call", hang_up: str = "Hang up") -> None:
        """Presses Call and waits until somebody listens; the buttons have other names in another language."""
        self.page.get_by_role("button", name=name, exact=True).click()
        expect(self.page.locator('.stage:not([data-state="calling"])')).to_be_visible(timeout=CANCEL_GRACE)
        expect(self.page.get_by_role("button", name=hang_up)).to_be_visible()

    def hang_up(self, name: str = "Hang up", ready: str = "Ready to call") -> None:
        """Ends the call, and sees that it has ended."""
        self.page.get_by_role("button", name=name).click()
        expect(self.state).to_have_text(ready)

    def face(self) -> None:
        """Waits until the face is drawn."""
        expect(self.page.locator('.avatar[data-ready="true"]')).to_be_visible(timeout=60_000)

    def shot(self, name: str) -> bytes:
        """A picture of the page, kept among the artefacts."""
        return self.page.screenshot(path=self.artefacts / f"{name}.png")

    def note(self, figures: str) -> None:
        """Keeps what was measured among the artefacts, and says it."""
        with (self.artefacts / "figures.txt").open("a", encoding="utf-8") as file:
            file.write(figures + "\n")
        print(figures)  # noqa: T201

    def until(self, what: Callable[[], bool], seconds: float) -> bool:
        """Waits for something; False where it does not come."""
        for _ in range(round(seconds * 10)):
            if what():
                return True
            self.page.wait_for_timeout(100)
        return what()

    def seen(self) -> Seen:
        """What the probe has seen so far."""
        told = self.page.evaluate("probe.tell()")
        return Seen(
            Recording.of(told["microphone"]),
            Recording.of(told["heard"]),
            **{name: told[name] for name in ("events", "looks", "batches", "stats")},
        )
