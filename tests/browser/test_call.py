"""The whole of it: a person calls, is answered by a voice and a face, and sees what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import pytest
from num2words import num2words
from playwright.sync_api import FloatRect, expect

from tests.browser.calls import PHONE, CallPage, Seen
from tests.browser.conftest import OpenPage
from tests.browser.graphs import ASSISTANT, TALK
from tests.browser.pictures import change
from tests.browser.sounds import clip, levels, microphone, transcribe

pytestmark = [pytest.mark.browser, pytest.mark.real_model, pytest.mark.timeout(240)]

GRAPHS = {"assistant-short": ASSISTANT, "talk": TALK}
HELLO = ("speech-audioeval/en/hello_world.wav", "hello world")
FOX = ("speech-audioeval/en/quick_brown_fox.wav", "the quick brown fox jumps over the lazy dog")
QUESTIONS = (HELLO, FOX, HELLO)
"""Recordings, and their words. To one that counts, a small model answers with numbers, and does not end."""
FIRST, EVERY = 6, 11
"""Seconds: when the person asks, and how long until they ask again."""
LOOKS = 6
"""Pictures of the mouth that are compared."""
MISHEARD = 0.34
"""Of the words of an answer, so many may be written down wrong."""


def misheard(said: str, heard: str) -> float:
    """The share of the words that are others: a model writes `5` as often as `five`, and `1, 2, 3` as `123`."""
    return min(jiwer.wer(words(said, number), words(heard, number)) for number in (r"\d+", r"\d"))


def words(text: str, number: str = r"\d+") -> str:
    """As they are compared, with what counts as a number spelled out."""
    spelled = re.sub(number, lambda digits: f" {num2words(int(digits[0]))} ".replace("-", " "), text.lower())
    return " ".join(re.findall(r"[a-z']+", spelled))


def test_browser_call_answers_three_spoken_questions(open_page: OpenPage, tmp_path: Path) -> None:
    """Questions are heard and written down, answers are spoken as they are written, and lips move with them.

    With reduced motion, so that nothing moves the face but what is sent.
    """
    parts = [(FIRST + EVERY * turn, clip(name)) for turn, (name, _) in enumerate(QUESTIONS)]
    asks = microphone(tmp_path / "questions.wav", parts, FIRST + EVERY * len(parts))
    call = open_page(microphone=asks, reduced_motion="reduce")
    call.face()
    call.shot("idle")
    call.call()
    quiet = changes([mouth(call) for _ in range(LOOKS)])
    expect(call.state).to_contain_text("Speaking", timeout=20_000)
    expect(call.page.locator('.caption[data-speaker="assistant"]')).not_to_be_empty()
    spoken = changes(mouths_speaking(call, len(parts)))
    expect(call.page.locator('article[data-speaker="assistant"][data-done="true"]')).to_have_count(
        len(parts), timeout=(FIRST + EVERY * len(parts) + 15) * 1_000
    )
    expect(call.state).to_contain_text("Listening", timeout=15_000)
    call.shot("three-turns")
    seen = call.seen()
    seen.heard.save(call.artefacts / "heard.wav")
    for question, (_, expected) in zip(call.questions.locator("p").all_inner_texts(), QUESTIONS, strict=True):
        assert misheard(expected, question) <= MISHEARD, question
    answers_match(call, seen)
    lips_follow(call, seen)
    # The page may still be moving its parts when the call begins: the median leaves one such step out.
    call.note(f"the mouth's picture changes by {np.mean(spoken):.2f} while it speaks, {np.median(quiet):.2f} before")
    assert np.mean(spoken) > 2 * np.median(quiet)
    expect(call.page.locator(".notice")).to_have_count(0)
    call.hang_up()


def answers_match(call: CallPage, seen: Seen) -> None:
    """What was heard is what the captions say."""
    shown = " ".join(call.answers.locator("p").all_inner_texts())
    heard = transcribe(seen.heard.samples)
    call.note(f"shown: {shown}\nheard: {heard}")
    assert len(words(shown).split()) >= len(QUESTIONS)
    assert misheard(shown, heard) <= MISHEARD


def lips_follow(call: CallPage, seen: Seen) -> None:
    """The mouth moves while there is sound, and rests while there is none."""
    looks = np.array(seen.looks)
    level = levels(seen.heard.samples)
    steps = np.clip(((looks[:, 0] - seen.heard.time_of(0)) / 5).astype(int), 10, level.size - 11)
    loud = np.array([level[step - 10 : step + 10].max() for step in steps])
    mouth = looks[:, 3:]
    moves, rests = mouth[loud > -30].std(axis=0), mouth[loud < -70].std(axis=0)
    call.note(f"weights of the mouth: {moves.round(2)} with sound, {rests.round(2)} without")
    assert moves[0] > 0.05 and (moves > 0.02).sum() >= 3
    assert moves.sum() > 3 * rests.sum()


def mouths_speaking(call: CallPage, answers: int) -> Sequence[bytes]:
    """Pictures of the mouth while it speaks; an answer may be one word, so they are of several answers."""
    pictures: list[bytes] = []
    done = call.page.locator('article[data-speaker="assistant"][data-done="true"]')
    while len(pictures) < 2 * LOOKS and done.count() < answers:
        if "Speaking" not in call.state.inner_text():
            call.page.wait_for_timeout(100)
            continue
        pictures.append(mouth(call))
        if len(pictures) % LOOKS == 0:
            call.shot(f"speaking-{len(pictures)}")
    return pictures


def changes(pictures: Sequence[bytes]) -> Sequence[float]:
    """How much each picture differs from the one before."""
    return [change(one, other) for one, other in pairwise(pictures)]


def mouth(call: CallPage) -> bytes:
    """A picture of the mouth."""
    box = call.page.locator(".avatar canvas").bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    area = FloatRect(x=x + 0.42 * width, y=y + 0.52 * height, width=0.16 * width, height=0.1 * height)
    return call.page.screenshot(clip=area)


def test_browser_call_answers_typed_text(open_page: OpenPage, tmp_path: Path) -> None:
    """Who cannot speak right now can type; and hanging up ends the call."""
    call = open_page(microphone=microphone(tmp_path / "silence.wav", [], 30), path="/?quality=low&graph=talk")
    call.call()
    entry = call.page.get_by_label("Type something to say")
    entry.fill("How many are there?")
    entry.press("Enter")
    expect(call.questions.locator("p")).to_have_text(["How many are there?"])
    expect(call.answers.locator("p")).to_have_text(
        ["I have counted them all, and there is one missing."], timeout=15_000
    )
    assert call.until(lambda: levels(call.seen().heard.samples).max() > -30, 10)
    call.hang_up()
    expect(entry).to_be_disabled()
    expect(call.questions).to_have_count(1)


def test_browser_call_refused_microphone_is_explained(open_page: OpenPage) -> None:
    """Who has said no by mistake learns how to say yes."""
    call = open_page(refused=True)
    call.page.get_by_role("button", name="Call", exact=True).click()
    expect(call.page.locator(".problem")).to_contain_text("The microphone is blocked.")
    expect(call.page.locator(".problem")).to_contain_text("Allow it for this page")
    expect(call.page.get_by_role("button", name="Call", exact=True)).to_be_enabled()


def test_browser_call_goes_on_when_the_face_fails(open_page: OpenPage, tmp_path: Path) -> None:
    """Without a face one still hears and reads; and the face can be had back."""
    call = open_page(microphone=microphone(tmp_path / "silence.wav", [], 30), path="")
    call.page.route("**/head.glb", lambda route: route.fulfill(body=b"no head", content_type="model/gltf-binary"))
    call.go("/?quality=low&graph=talk")
    expect(call.page.get_by_text("The face cannot be shown.")).to_be_visible(timeout=20_000)
    call.call()
    call.page.get_by_label("Type something to say").fill("Are you there?")
    call.page.keyboard.press("Enter")
    expect(call.answers.locator("p")).to_contain_text(["counted them all"], timeout=15_000)
    call.page.unroute("**/head.glb")
    call.page.get_by_role("button", name="Show it again").click()
    call.face()
    call.hang_up()
    call.errors.clear()  # the face's own


def test_browser_call_respects_reduced_motion(open_page: OpenPage) -> None:
    """Who is made dizzy by movement gets a face that keeps still while nothing is said."""
    still, lively = (
        face_changes(open_page(reduced_motion=motion, viewport=PHONE)) for motion in ("reduce", "no-preference")
    )
    assert still < lively / 2


def face_changes(call: CallPage) -> float:
    """How much an idle face moves within two seconds."""
    call.face()
    call.page.wait_for_timeout(1_000)
    before = call.page.locator(".avatar").screenshot()
    call.page.wait_for_timeout(2_000)
    running = call.page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length")
    after = call.page.locator(".avatar").screenshot()
    assert running == 0 or call.page.evaluate("!matchMedia('(prefers-reduced-motion: reduce)').matches")
    return change(before, after)
