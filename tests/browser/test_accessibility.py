"""The page serves those who cannot see it, cannot use a mouse, or have a small telephone and a slow network."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.axe import found
from tests.browser.bundles import Bundles
from tests.browser.calls import PHONE, CallPage
from tests.browser.conftest import OpenPage
from tests.browser.graphs import TALK
from tests.browser.host import ROOT
from tests.browser.sounds import microphone

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

GRAPHS = {"talk": TALK}
WEIGHT = 400_000
"""Bytes of the page, gzipped, without the head."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS = {"screen": ViewportSize(width=1000, height=640), "phone": PHONE}
ANSWER = "I have counted them all, and there is one missing."


def test_page_has_no_serious_axe_violations(open_page: OpenPage, bundles: Bundles, tmp_path: Path) -> None:
    """Before a call, in one, and after one: in light and dark, on a screen and on a phone."""
    call = open_page(microphone=microphone(tmp_path / "silence.wav", [], 60))
    call.face()
    seen = [*violations(call, bundles, "idle")]
    call.call()
    say(call, "How many are there?")
    expect(call.answers.locator("p")).to_have_text([ANSWER], timeout=15_000)
    expect(call.answers.get_by_role("button", name="Good answer")).to_be_enabled(timeout=15_000)
    seen += violations(call, bundles, "call")
    call.hang_up()
    seen += violations(call, bundles, "after")
    assert seen == []


def test_page_with_an_error_has_no_serious_axe_violations(open_page: OpenPage, bundles: Bundles) -> None:
    """What went wrong, and what to do about it, reaches everybody."""
    call = open_page(refused=True, path="")
    call.page.route("**/head.glb", lambda route: route.fulfill(body=b"no head", content_type="model/gltf-binary"))
    call.go("/?quality=low")
    expect(call.page.get_by_text("The face cannot be shown.")).to_be_visible(timeout=20_000)
    call.page.get_by_role("button", name="Call", exact=True).click()
    expect(call.page.locator(".problem")).to_be_visible()
    assert [*violations(call, bundles, "wrong")] == []
    call.errors.clear()  # the face's own


def test_page_call_works_by_keyboard_alone(open_page: OpenPage, tmp_path: Path) -> None:
    """Call, mute, type, rate and hang up by Tab and Enter; where one is can be seen."""
    call = open_page(microphone=microphone(tmp_path / "silence.wav", [], 60), viewport=PHONE)
    press(call, "Call")
    expect(call.page.get_by_role("button", name="Hang up")).to_be_visible(timeout=15_000)
    expect(call.state).to_have_text("Listening", timeout=15_000)
    press(call, "Mute microphone")
    expect(call.page.get_by_role("button", name="Mute microphone")).to_have_attribute("aria-pressed", "true")
    press(call, "Type something to say", "How many are there?")
    expect(call.answers.locator("p")).to_have_text([ANSWER], timeout=15_000)
    expect(call.answers.get_by_role("button", name="Good answer")).to_be_enabled(timeout=15_000)
    press(call, "Good answer")
    expect(call.answers.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    press(call, "Hang up")
    expect(call.state).to_have_text("Ready to call")


def test_page_loads_within_budget_on_a_slow_network(page_built: None) -> None:
    """On a slow network it is there in a few seconds."""
    operators = ("console", "mount", "session", "timeline")  # of the operator's pages
    files = [
        file
        for file in (ROOT / "vitagraph" / "static").rglob("*")
        if file.is_file() and file.suffix != ".glb" and not file.name.startswith(operators)
    ]
    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in files}
    assert len(sizes) >= 3
    assert sum(sizes.values()) <= WEIGHT, sizes


def violations(call: CallPage, bundles: Bundles, name: str) -> Iterator[str]:
    """What axe finds that is serious or critical, in each scheme and on each screen."""
    for scheme in SCHEMES:
        for screen, size in SCREENS.items():
            call.page.emulate_media(color_scheme=scheme)
            call.page.set_viewport_size(size)
            call.shot(f"{name}-{scheme}-{screen}")
            for line in axe(call, bundles):
                yield f"{name}, {scheme}, {screen}: {line}"


def axe(call: CallPage, bundles: Bundles) -> Iterator[str]:
    """The violations that are serious; the others are noted."""
    for serious, line in found(call.page, bundles.axe):
        if serious:
            yield line
        else:
            call.note(line)


def say(call: CallPage, text: str) -> None:
    """Types it."""
    call.page.get_by_label("Type something to say").fill(text)
    call.page.keyboard.press("Enter")


def press(call: CallPage, name: str, text: str = "") -> None:
    """Goes to an element by Tab alone, types a text, and presses Enter."""
    wanted = call.page.get_by_role("textbox" if text else "button", name=name, exact=True)
    for _ in range(25):
        call.page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            break
    else:
        raise AssertionError(f"Tab does not lead to {name!r}")
    assert wanted.evaluate("(element) => element.matches(':focus-visible')")
    outline = wanted.evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline != "none", f"one cannot see that {name!r} has the focus"
    if text:
        call.page.keyboard.type(text)
    call.page.keyboard.press("Enter")
