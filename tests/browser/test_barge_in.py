"""Who interrupts wants silence at once: a machine that talks on is the first thing that people hang up on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.browser.calls import PHONE, Seen
from tests.browser.conftest import OpenPage
from tests.browser.graphs import prepared
from tests.browser.sounds import RATE, Floats, Recording, clip, levels, microphone

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

TIMES = 20
LIMIT = 200
"""Milliseconds."""
FIRST, EVERY = 3.0, 1.5
"""Seconds: when the person says the first word, and how long until the next one."""
WORD = 0.6
"""Seconds of voice of an interruption."""
VOICED, SILENT = -45, -55
"""dB of full scale: from there on somebody speaks; below that the machine is silent."""
GRAPHS = {"buzz": prepared("buzz", 10)}


def test_barge_in_silences_the_answer_within_200_ms(open_page: OpenPage, tmp_path: Path) -> None:
    """From the voice's onset in the captured microphone to the last sound received: 200 ms, 95 of 100 times.

    The machine answers each interruption with a sound without pauses, which the next one
    cuts off. Both ends are taken from frames of the browser's own tracks, on one clock.
    """
    words = [clip(f"speech-cards/00{number}.wav")[: round(WORD * RATE)] for number in (1, 2, 3, 4)]
    parts = [(FIRST + EVERY * number, words[number % len(words)]) for number in range(TIMES + 1)]
    seconds = FIRST + EVERY * (TIMES + 1)
    call = open_page(microphone=microphone(tmp_path / "interruptions.wav", parts, seconds), viewport=PHONE)
    call.call()
    call.page.wait_for_timeout(seconds * 1_000)
    seen = call.seen()
    call.hang_up()
    for name in ("microphone", "heard"):
        getattr(seen, name).save(call.artefacts / f"{name}.wav")
    found = interruptions(seen)
    silences = np.array([each.silence for each in found])
    p95 = float(np.percentile(silences, 95))
    call.note(report(silences, p95, found, seen))
    assert len(found) == TIMES
    assert p95 <= LIMIT


@dataclass(frozen=True)
class Interruption:
    """One of them; milliseconds after the voice's onset."""

    silence: float
    """When the last sound was received."""
    noticed: float | None
    """When the page was told that somebody speaks."""


def interruptions(seen: Seen) -> list[Interruption]:
    """Each onset in the microphone at which something was being heard."""
    heard = levels(seen.heard.samples) > SILENT
    told = np.array([event["now"] for event in seen.of("input_audio_buffer.speech_started")])
    found = []
    for onset in voice_onsets(seen.microphone):
        index = step_at(seen.heard, onset)
        if not 0 < index < heard.size - 200 or not heard[index - 10 : index].all():
            continue  # the first word of all interrupts nobody
        last = index + int(np.argmin(heard[index:]))
        noticed = told[told > onset]
        found.append(
            Interruption(
                seen.heard.time_of(last * RATE // 200) - onset,
                float(noticed[0] - onset) if noticed.size else None,
            )
        )
    return found


def voice_onsets(recording: Recording) -> Sequence[float]:
    """When somebody begins to speak after at least half a second of silence."""
    voiced = np.flatnonzero(levels(recording.samples) > VOICED)
    first = voiced[np.diff(voiced, prepend=-1_000) > 100]
    return [recording.time_of(int(step) * RATE // 200) for step in first]


def step_at(recording: Recording, time: float) -> int:
    """The 5 ms of a recording that were there at a time."""
    return round((time - recording.time_of(0)) / 5)


def report(silences: Floats, p95: float, found: list[Interruption], seen: Seen) -> str:
    """Where the time goes."""
    noticed = [each.noticed for each in found if each.noticed is not None]
    inbound = next(stats for stats in seen.stats if stats["type"] == "inbound-rtp")
    waiting = 1_000 * inbound["jitterBufferDelay"] / max(1, inbound["jitterBufferEmittedCount"])
    return (
        f"{silences.size} interruptions: silent after p50 {np.median(silences):.0f}, p95 {p95:.0f}, "
        f"most {silences.max():.0f} ms; the page is told after p50 {np.median(noticed or [0]):.0f} ms; "
        f"the browser's jitter buffer holds {waiting:.0f} ms on average"
    )
