"""Programs written for the Realtime API can call: its JavaScript SDK holds a conversation with the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.bundles import Bundles
from tests.browser.calls import CallPage
from tests.browser.conftest import OpenPage
from tests.browser.graphs import TALK
from tests.browser.sounds import clip, levels, microphone

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

GRAPHS = {"talk": TALK}
QUESTION = "speech-audioeval/en/counting.wav"
ANSWER = "I have counted them all, and there is one missing."
PAGE = '<!doctype html><title>Another page</title><link rel="icon" href="data:,"><script src="/client.js"></script>'


@pytest.fixture
def call(open_page: OpenPage, bundles: Bundles, tmp_path: Path) -> CallPage:
    """A page with the SDK, connected; the person asks a question after five seconds."""
    asks = microphone(tmp_path / "question.wav", [(5, clip(QUESTION))], 60)
    call = open_page(microphone=asks, path="")
    client = bundles.client.read_text(encoding="utf-8")
    call.page.route("**/another.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    call.page.route("**/client.js", lambda route: route.fulfill(body=client, content_type="text/javascript"))
    call.go("/another.html")
    call.page.evaluate("client.connect()")
    return call


def test_realtime_sdk_holds_a_call(call: CallPage) -> None:
    """It connects with a secret of ours, hears and shows an answer, types, and interrupts."""
    assert call.page.evaluate("client.session.transport.status") == "connected"
    assert kinds(call)[0] == "session.created" and "session.updated" in kinds(call)

    assert call.until(lambda: [each["role"] for each in said(call, "completed")] == ["user", "assistant"], 25), said(
        call
    )
    question, answer = said(call)
    assert "6" in question["text"] or "six" in question["text"].lower()
    assert answer["text"] == ANSWER
    assert levels(call.seen().heard.samples).max() > -30
    assert call.until(lambda: "output_audio_buffer.stopped" in kinds(call), 10)
    assert call.page.evaluate("client.events") == ["agent_start", "agent_end"]

    call.page.evaluate("client.session.sendMessage('Tell me a story.')")
    assert call.until(lambda: kinds(call).count("output_audio_buffer.started") == 2, 15), kinds(call)
    call.page.wait_for_timeout(1_500)
    call.page.evaluate("client.session.interrupt()")
    assert call.until(lambda: "output_audio_buffer.cleared" in kinds(call), 5)
    call.page.wait_for_timeout(800)
    seen = call.seen()
    assert levels(seen.heard.samples)[-60:].max() < -55, "it still speaks after it was interrupted"
    assert said(call)[2]["text"] == "Tell me a story."
    story = said(call)[3]
    assert story["status"] == "incomplete" and "lighthouse" in story["text"] and "heard" not in story["text"]
    assert call.page.evaluate("client.errors") == []

    call.page.evaluate("client.session.close()")
    assert call.page.evaluate("client.session.transport.status") == "disconnected"


def kinds(call: CallPage) -> list[str]:
    """The types of the events so far."""
    found: list[str] = call.page.evaluate("probe.events.map(({ type }) => type)")
    return found


def said(call: CallPage, status: str = "") -> list[dict[str, Any]]:
    """The history of the SDK: of a status, or all of it."""
    history: list[dict[str, Any]] = call.page.evaluate("client.said()")
    return [each for each in history if not status or each["status"] == status]
