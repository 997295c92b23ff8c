"""Numbers and spellings are dictated with long pauses, after each of which Whisper writes a full stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._noises import RATE
from benchmarks._overlap_cases import GRAPH, replay, say, write

pytestmark = pytest.mark.real_model

GROUPS = [("My number is five five five", 0.6), ("eight six seven", 1.2), ("five three zero nine.", 2.5)]
"""Each with the seconds of silence after it."""


@pytest.mark.parametrize("detector", ["vad.webrtc", "vad.silero"])
def test_dictated_number_is_one_turn(detector: str, tmp_path: Path) -> None:
    """With pauses of 0.6 and 1.2 s; an answer in the middle makes people start anew."""
    graph = GRAPH.format(detector=detector, answer="Thank you.")
    graph = graph.replace("floor: 400ms", "floor: 300ms, ceiling: 1500ms")
    graph = graph.replace("  asr:", "  smart: turn.smart\n  asr:").replace("links:", "links:\n  - turn.pauses -> smart")
    parts, at = [], 0.3
    for text, pause in GROUPS:
        samples = say("joe", text)
        parts.append((at, samples))
        at += samples.size / RATE + pause
    recording = tmp_path / "recording.wav"
    write(recording, parts, at + 1)
    outcome = replay(graph, tmp_path, recording)
    (heard,) = outcome.heard
    digits = "".join(letter for letter in heard if letter.isdigit())
    assert "555" in digits and digits.endswith("5309")
