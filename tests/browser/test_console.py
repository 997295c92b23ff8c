"""The operator's pages in a browser: they work, they look right, and they serve everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect, sync_playwright

from tests.browser import axe
from tests.browser.conftest import missing
from tests.browser.console_host import SESSION, console_host
from tests.browser.host import ROOT
from tests.vitagraph.host.sample_source import SampleSource
from tests.vitagraph.observe import sample
from vitagraph.host.app import STATIC
from vitagraph.observe.timeline import Timeline
from vitagraph.observe.timeline_page import page as alone

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS = {"screen": ViewportSize(width=1280, height=900), "phone": ViewportSize(width=390, height=844)}
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
FRAME = 0.1
"""Seconds that a step through an hour may take, without a graphics card and beside other tests."""


@dataclass
class Watched:
    """A page, with all that it asks for and complains about."""

    page: Page
    artefacts: Path
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def go(self, url: str) -> None:
        """Opens an address, and waits until something is shown."""
        self.page.goto(url)
        expect(self.page.locator("main > *").first).to_be_visible()

    @property
    def tracks(self) -> Locator:
        """The tracks of a timeline."""
        return self.page.get_by_role("group", name=re.compile("^Tracks"))

    @property
    def range(self) -> str:
        """Which part of a session is shown."""
        return self.page.locator(".range").inner_text()


Open = Callable[..., Watched]


@pytest.fixture
def watched(chromium: str, page_built: None, artefacts: Path) -> Iterator[Open]:
    """Opens pages; a test ends without complaints in the browser's console."""
    pages: list[Watched] = []
    with ExitStack() as stack:
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        stack.callback(browser.close)

        def opened(**options: Any) -> Watched:
            page = browser.new_context(**{"viewport": SCREENS["screen"], **options}).new_page()
            seen = Watched(page, artefacts)
            pages.append(seen)
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on("console", lambda message: _complains(message, seen.errors))
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            return seen

        yield opened
    assert [error for seen in pages for error in seen.errors] == []


def _complains(message: ConsoleMessage, errors: list[str]) -> None:
    if message.type in ("error", "warning"):
        errors.append(message.text)


@pytest.fixture
def source() -> SampleSource:
    """A host with something of everything; its session was recorded."""
    session = sample.timeline()
    session.sound = {side: f"{SESSION}/{side}.wav" for side in sample.SIDES}
    return SampleSource(session=session)


@pytest.fixture
def url(source: SampleSource) -> Iterator[str]:
    """The address of a host without a key."""
    with console_host(source) as address:
        yield address


def stand_alone(folder: Path, timeline: Timeline) -> str:
    """The address of a timeline in a file."""
    file = folder / "timeline.html"
    file.write_text(alone(timeline, STATIC), encoding="utf-8")
    return file.as_uri()


def violations(seen: Watched, name: str) -> Iterator[str]:
    """What axe finds that is serious, and what is wider than the screen; pictures are kept."""
    if not AXE.exists():
        missing("there is no axe", "run `npm ci` in web/")
    for scheme in SCHEMES:
        for screen, size in SCREENS.items():
            seen.page.emulate_media(color_scheme=scheme)
            seen.page.set_viewport_size(size)
            seen.page.screenshot(path=seen.artefacts / f"{name}-{scheme}-{screen}.png", full_page=True)
            for serious, line in axe.found(seen.page, AXE):
                if serious:
                    yield f"{name}, {scheme}, {screen}: {line}"
            width = seen.page.evaluate("document.documentElement.scrollWidth")
            if width > size["width"]:
                yield f"{name}, {scheme}, {screen}: {width} pixels wide"


def test_console_pages_have_no_serious_axe_violations(watched: Open, url: str, tmp_path: Path) -> None:
    """In light and dark, on a screen and on a phone: the console, a session, and a file."""
    seen = watched()
    seen.go(f"{url}/console")
    found = [*violations(seen, "console")]
    seen.go(f"{url}{SESSION}#turn-2")
    seen.page.get_by_text("All of it as a table").click()
    found += violations(seen, "session")
    seen.go(stand_alone(tmp_path, sample.timeline(running=True, sound=True)))
    found += violations(seen, "alone")
    assert found == []


def test_console_pages_ask_only_their_host(watched: Open, url: str) -> None:
    """What callers say is not told to anybody: no font, no script, no picture from elsewhere."""
    seen = watched()
    for path in ("/console", SESSION):
        seen.go(url + path)
        seen.page.wait_for_timeout(300)
    assert len(seen.requests) > 6
    assert [asked for asked in seen.requests if not asked.startswith(f"{url}/")] == []


def test_console_follows_the_host(watched: Open, url: str, source: SampleSource) -> None:
    """What is shown is never older than some seconds, or is said to be."""
    seen = watched()
    seen.go(f"{url}/console")
    figure = seen.page.locator(".figure", has_text="Calls").locator("strong")
    expect(figure).to_have_text("4")
    host = msgspec.structs.replace(source.console.host, sessions=17, seats_free=3)
    source.console = msgspec.structs.replace(source.console, host=host)
    expect(figure).to_have_text("17", timeout=5_000)
    seen.page.route("**/console/state", lambda route: route.abort())
    expect(seen.page.get_by_role("status").get_by_text("The host has not answered")).to_be_visible(timeout=5_000)
    seen.page.unroute("**/console/state")
    expect(seen.page.get_by_text("Live")).to_be_visible(timeout=5_000)
    seen.errors.clear()  # the browser's own, about the lost requests


def test_console_takes_the_key_of_the_host(watched: Open, source: SampleSource) -> None:
    """The operator types it once for a tab; who has not got it sees nothing."""
    seen = watched()
    with console_host(source, key="the-host-key") as url:
        seen.go(f"{url}/console")
        assert [*violations(seen, "key")] == []
        for key in ("a-wrong-key", "the-host-key"):
            seen.page.get_by_label("Key").fill(key)
            seen.page.keyboard.press("Enter")
            if key == "a-wrong-key":
                expect(seen.page.get_by_role("alert")).to_have_text("The host does not accept this key.")
        seen.page.get_by_role("link", name="rtc_7f3c91ab").first.click()
        expect(seen.page.get_by_role("region", name="Turns")).to_be_visible()
        seen.page.reload()
        expect(seen.page.get_by_role("region", name="Turns")).to_be_visible()
    assert seen.page.evaluate("[document.cookie, localStorage.length]") == ["", 0]
    seen.errors.clear()  # the browser's own, about the refused requests


def test_session_is_heard_from_where_one_clicks(watched: Open, url: str) -> None:
    """One click plays both sides from there; another button stops."""
    seen = watched()
    seen.go(f"{url}{SESSION}")
    box = seen.tracks.bounding_box()
    assert box
    seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    pause = seen.page.get_by_role("button", name="Pause", exact=True)
    expect(pause).to_be_visible()
    first = _playhead(seen)
    assert first == pytest.approx(box["width"] / 2, abs=box["width"] / 20)
    for _ in range(50):
        if _playhead(seen) > first + 5:
            break
        seen.page.wait_for_timeout(100)
    else:
        raise AssertionError("the line does not move with the sound")
    pause.click()
    expect(seen.page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert [name for name in seen.requests if name.endswith(".wav")] == [
        f"{url}{SESSION}/caller.wav",
        f"{url}{SESSION}/assistant.wav",
    ]


PLAYHEAD = "new DOMMatrix(getComputedStyle(document.querySelector('.playhead')).transform).e"


def _playhead(seen: Watched) -> float:
    place: float = seen.page.evaluate(PLAYHEAD)
    return place


def test_session_is_moved_by_mouse_wheel_and_keys(watched: Open, url: str) -> None:
    """Drag, wheel, arrows; but a wheel that only passes by scrolls the page."""
    seen = watched()
    seen.go(f"{url}{SESSION}")
    whole = seen.range
    seen.tracks.hover()
    seen.page.mouse.wheel(0, -200)
    assert seen.range == whole
    seen.page.evaluate("scrollTo(0, 0)")
    seen.tracks.focus()
    for key in ("+", "+", "ArrowRight"):
        seen.page.keyboard.press(key)
    zoomed = seen.range
    assert zoomed != whole
    seen.tracks.hover()
    seen.page.mouse.wheel(0, -200)
    expect(seen.page.locator(".range")).not_to_have_text(zoomed)
    nearer = seen.range
    seen.page.mouse.down()
    seen.page.mouse.move(500, 300, steps=4)
    seen.page.mouse.up()
    expect(seen.page.locator(".range")).not_to_have_text(nearer)
    seen.page.keyboard.press("Home")
    expect(seen.page.locator(".range")).to_have_text(whole)


def test_timeline_file_works_offline(watched: Open, tmp_path: Path) -> None:
    """Sent by mail and opened without a network, it shows and plays the session."""
    seen = watched(offline=True)
    address = stand_alone(tmp_path, sample.timeline(sound=True))
    seen.go(address)
    seen.page.get_by_role("button", name=re.compile("#6")).click()
    details = seen.page.get_by_role("region", name=re.compile("^Turn 6"))
    expect(details).to_contain_text("3.75 s over budget, most of it: First sentence")
    seen.page.get_by_role("button", name="Play", exact=True).click()
    expect(seen.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    assert {asked for asked in seen.requests if not asked.startswith("data:")} == {address}


def test_timeline_of_an_hour_stays_smooth(watched: Open, tmp_path: Path) -> None:
    """300 turns and 72,000 values a side are moved through without waiting."""
    seen = watched()
    seen.go(stand_alone(tmp_path, sample.long_timeline()))
    seen.tracks.focus()
    took: list[float] = []
    for keys in (["+"] * 4, ["ArrowRight"] * 8, ["-"] * 4):
        took.append(_seconds_of_each(seen, keys))
    (seen.artefacts / "figures.txt").write_text(f"seconds of a step while zooming, moving, zooming out: {took}\n")
    assert max(took) < FRAME, took


def _seconds_of_each(seen: Watched, keys: list[str]) -> float:
    script = """async (keys) => {
        const tracks = document.querySelector(".strip"), began = performance.now();
        for (const key of keys) {
            tracks.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            await new Promise(requestAnimationFrame);
        }
        return (performance.now() - began) / keys.length / 1000;
    }"""
    took: float = seen.page.evaluate(script, keys)
    return took
