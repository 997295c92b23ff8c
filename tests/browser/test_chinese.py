"""A call in Chinese: the page, the captions, and the voice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jiwer import cer
from playwright.sync_api import expect

from tests.browser.calls import PHONE
from tests.browser.conftest import OpenPage
from tests.browser.graphs import CHINESE
from tests.browser.sounds import clip, microphone, transcribe
from tests.browser.test_call import lips_follow
from tests.nodes.tts.listen import characters

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

GRAPHS = {"assistant-zh-short": CHINESE}
QUESTION = "你好世界"
ANSWER = "你好，很高兴认识你。今天天气很好，我们一起去公园散步吧。"
MISHEARD = 0.25
"""Of the characters of the answer, so many may be transcribed as others."""
ASKED = 12
"""Seconds until the person asks: by then the host has made its prefetched sentences."""


def test_browser_call_in_chinese_is_understood_and_answered(open_page: OpenPage, tmp_path: Path) -> None:
    """A browser in Chinese gets a page in Chinese; what is said on either side is Chinese, in simplified script."""
    asks = microphone(tmp_path / "question.wav", [(ASKED, clip("speech-audioeval/zh/nihao_shijie.wav"))], 60)
    call = open_page(microphone=asks, locale="zh-CN", reduced_motion="reduce", viewport=PHONE)
    assert call.page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert call.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    call.face()
    call.call("呼叫", "挂断")
    expect(call.questions.locator("p")).to_contain_text([QUESTION], timeout=40_000)
    expect(call.questions.locator("p")).to_have_attribute("lang", "zh")
    expect(call.state).to_contain_text("正在说话", timeout=30_000)
    call.shot("speaking")
    expect(call.answers.and_(call.page.locator('[data-done="true"]'))).to_have_count(1, timeout=30_000)
    expect(call.answers.locator("p")).to_have_attribute("lang", "zh")
    seen = call.seen()
    shown = call.answers.locator("p").inner_text()
    heard = transcribe(seen.heard.samples, "zh")
    wrong = cer(characters(shown), characters(heard))
    call.note(f"shown: {shown}\nheard: {heard}\nwrong characters: {wrong:.0%}")
    assert re.sub(r"\s", "", shown) == ANSWER
    assert wrong <= MISHEARD
    lips_follow(call, seen)
    call.hang_up("挂断", "可以呼叫")
