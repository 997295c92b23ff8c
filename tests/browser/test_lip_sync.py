"""Lips that move apart from the sound are what people notice first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser.calls import PHONE, Seen
from tests.browser.conftest import OpenPage
from tests.browser.graphs import prepared
from tests.browser.sounds import RATE, Floats, clip, microphone, onsets

pytestmark = [pytest.mark.browser, pytest.mark.real_model]

BEEPS = 20
SETTLED = 2
"""Beeps at the beginning that are not counted: the jitter buffer still finds its length."""
LIMIT = 40
"""Milliseconds, either way."""
GRAPHS = {"beeps": prepared("beeps", 0.6 * (BEEPS + 1))}


def test_lip_sync_face_is_within_40_ms_of_the_audio(open_page: OpenPage, tmp_path: Path) -> None:
    """What the page takes for the moment that is heard is that moment, within 40 ms (95 of 100 times).

    A node opens the jaw in exactly the frames in which there is a beep. A beep's onset is
    looked for in the received track's frames as the mixer takes them, so no queue of Web Audio
    has to be allowed for; the ear hears it later by what the browser says its output takes.
    For that moment the page's playout clock gives an RTP time, which is compared with the one
    of the frame that opens the jaw.
    """
    hello = microphone(tmp_path / "hello.wav", [(3, clip("speech-cards/001.wav"))], 60)
    call = open_page(microphone=hello, viewport=PHONE)
    call.call()
    assert call.until(lambda: len(call.page.evaluate("probe.batches")) > 0, 15)
    call.page.wait_for_timeout((BEEPS + 1.5) * 600)
    seen = call.seen()
    call.hang_up()
    seen.heard.save(call.artefacts / "heard.wav")
    offsets, output = measured(seen)
    p95 = float(np.percentile(np.abs(offsets), 95))
    call.note(
        f"{len(offsets)} beeps, |offset| p95 {p95:.1f} ms, median {np.median(offsets):+.1f} ms, "
        f"{offsets.min():+.1f} to {offsets.max():+.1f} ms (+: the face is ahead); output {output:.1f} ms"
    )
    assert len(offsets) >= BEEPS - SETTLED - 1
    assert p95 <= LIMIT


def measured(seen: Seen) -> tuple[Floats, float]:
    """By how much the face is ahead of each beep, and the output's delay; milliseconds."""
    mixed = np.array([seen.heard.time_of(int(each)) for each in onsets(seen.heard.samples)])
    output = output_delay(seen)
    times, clock = np.array(seen.looks)[:, 0], np.unwrap(np.array(seen.looks)[:, 1], period=2**32)
    heard = np.interp(mixed + output, times, clock)
    ahead = (heard[:, None] - opened(seen)[None, :]) / (RATE / 1_000)
    offsets = ahead[np.arange(len(mixed)), np.argmin(np.abs(ahead), axis=1)]
    return offsets[SETTLED:], output


def opened(seen: Seen) -> Floats:
    """The RTP times of the frames that open the jaw."""
    frames = sorted(
        (batch["rtp"] + index * RATE / batch["rate"], jaw)
        for batch in seen.batches
        for index, jaw in enumerate(batch["jaw"])
    )
    jaws = np.array([jaw for _, jaw in frames])
    first = np.flatnonzero((jaws[1:] > 127) & (jaws[:-1] < 128)) + 1
    return np.array([frames[index][0] for index in first])


def output_delay(seen: Seen) -> float:
    """Milliseconds from the mixer to the loudspeaker, as the browser says."""
    found = next(stats for stats in seen.stats if stats["type"] == "media-playout")
    return float(1_000 * found["totalPlayoutDelay"] / found["totalSamplesCount"])
