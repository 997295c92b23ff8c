"""The host is killed during a call: the page comes back by itself."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.calls import CallPage
from tests.browser.conftest import OpenPage
from tests.browser.graphs import TALK
from tests.browser.host import Host
from tests.browser.sounds import levels, microphone

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

KEY = "the-right-key"
GRAPHS = {"talk": TALK}
OPTIONS = ("--supervise",)
ENVIRONMENT = {"VITAGRAPH_API_KEY": KEY}
BACK = 5.0
"""Seconds within which the call must go on."""


def secret(host: Host) -> str:
    """For one visitor."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return str(httpx.post(f"{host.url}/v1/realtime/client_secrets", headers=headers).json()["value"])


def kill(host: Host) -> None:
    """Kills the host that serves, and not its supervisor."""
    found = subprocess.run(["pgrep", "-o", "-P", str(host.pid)], capture_output=True, text=True, check=True)
    os.kill(int(found.stdout), signal.SIGKILL)


def ask(call: CallPage, answers: int) -> None:
    """Types something and waits for the answer."""
    call.page.get_by_label("Type something to say").fill("How many are there?")
    call.page.keyboard.press("Enter")
    expect(call.answers.locator("p")).to_have_count(answers, timeout=15_000)
    expect(call.answers.locator("p").last).to_contain_text("counted them all", timeout=15_000)


def seconds(call: CallPage) -> float:
    """The page's clock."""
    return float(call.page.evaluate("performance.now()")) / 1_000


def test_browser_call_comes_back_after_the_host_was_killed(open_page: OpenPage, host: Host, tmp_path: Path) -> None:
    """With the secret that came with the call, by WebRTC and not as text, and without a hand on the page."""
    sound = microphone(tmp_path / "silence.wav", [], 60)
    call = open_page(microphone=sound, path=f"/?quality=low#token={secret(host)}")
    call.call()
    ask(call, 1)
    assert call.until(lambda: "ready to take over" in host.log.read_text(encoding="utf-8"), 60)
    connected = call.page.locator('.stage[data-state="listening"], .stage[data-state="speaking"]')
    expect(connected).to_be_visible(timeout=15_000)
    killed = seconds(call)
    kill(host)
    expect(call.page.locator('.stage[data-state="reconnecting"]')).to_be_visible(timeout=10_000)
    noticed = seconds(call) - killed
    expect(connected).to_be_visible(timeout=20_000)
    back = seconds(call) - killed
    call.note(f"noticed after {noticed:.1f} s, back after {back:.1f} s")
    ask(call, 2)
    assert call.until(lambda: levels(call.seen().heard.samples).max() > -30, 10)
    call.hang_up()
    call.errors[:] = [error for error in call.errors if "Failed to load resource" not in error]  # the lost call's
    assert back < BACK
