"""Speech boundaries must not depend on packet boundaries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart
from nodes.vad._speech import Mark, SpeechParams, SpeechTracker
from pipeline.packet import MILLISECOND, SECOND
from tests.nodes.vad.sounds import packets

ms = MILLISECOND
FRAME = 20 * ms
SIZE = 320


def voiced(frame: Samples) -> bool:
    """A perfect detector: the samples say whether they are voiced."""
    return bool(frame[0])


def tracked(pattern: str, *, size: int = SIZE, attack: int = 60, release: int = 120) -> list[Audio | Mark]:
    """The output for frames of 20 ms: `#` with a voice, `.` without."""
    samples = np.repeat([int(each == "#") for each in pattern], SIZE).astype(np.int16)
    tracker = SpeechTracker(SpeechParams(attack=attack * ms, release=release * ms), frame=FRAME)
    out = [item for packet in packets(samples, size=size) for item in tracker.mark(packet, voiced)]
    return [*out, *tracker.finish()]


def marks(out: list[Audio | Mark]) -> list[tuple[str, int]]:
    """The marks with their times in frames."""
    return [(type(item).__name__, item.at.pts // FRAME) for item in out if not isinstance(item, Audio)]


def test_speech_detection_begins_at_the_voice_onset() -> None:
    """Not at the time of detection: the first syllable belongs to it."""
    assert marks(tracked("....######......")) == [("SpeechStart", 4), ("SpeechEnd", 10)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("....###.........", [("SpeechEnd", 7)]),
        ("....########....###......", [("SpeechStart", 5), ("SpeechEnd", 19)]),
        ("................###.......", [("SpeechEnd", 5), ("SpeechStart", 16), ("SpeechEnd", 19)]),
    ],
)
def test_speech_detection_fallback_ends_speech_begun_by_another(pattern: str, expected: list[tuple[str, int]]) -> None:
    """Otherwise a turn whose detector failed midway would last as long as allowed."""
    samples = np.repeat([int(each == "#") for each in pattern], SIZE).astype(np.int16)
    tracker = SpeechTracker(SpeechParams(), frame=FRAME)
    later = list(packets(samples, size=SIZE))[5:]
    assert marks([item for packet in later for item in tracker.mark(packet, voiced)]) == expected


def test_speech_detection_ignores_a_click() -> None:
    """Two frames do not interrupt an answer."""
    assert marks(tracked("..##....#.#.#...##..")) == []


def test_speech_detection_bridges_a_pause_within_a_word() -> None:
    """A plosive is 100 ms of silence."""
    assert marks(tracked("####.....###.........")) == [("SpeechStart", 0), ("SpeechEnd", 12)]


def test_speech_detection_marks_precede_the_audio_they_belong_to() -> None:
    """Consumers know which packet is the first and last of a turn."""
    out = tracked("..###......")
    names = [type(item).__name__ for item in out]
    assert names[4] == "SpeechStart"
    assert names[11] == "SpeechEnd"
    assert [item for item in out if isinstance(item, Audio)][4] is out[5]


def test_speech_detection_ends_open_speech_at_end_of_stream() -> None:
    """The last words of a recording without final silence are answered too."""
    assert marks(tracked(".#####")) == [("SpeechStart", 1), ("SpeechEnd", 6)]


@given(
    pattern=st.text(alphabet="#.", min_size=1, max_size=80),
    sizes=st.lists(st.integers(1, 2_000), min_size=1, max_size=8),
    attack=st.integers(20, 200),
    release=st.integers(20, 400),
)
def test_speech_detection_does_not_depend_on_packet_size(
    pattern: str, sizes: list[int], attack: int, release: int
) -> None:
    """Marks alternate and are equal for any packet size, and no audio is lost."""
    expected = marks(tracked(pattern, attack=attack, release=release))
    for size in sizes:
        out = tracked(pattern, size=size, attack=attack, release=release)
        assert marks(out) == expected
        audio = np.concatenate([item.samples for item in out if isinstance(item, Audio)])
        assert audio.size == SIZE * len(pattern)
    names = [name for name, _ in expected]
    assert names == ["SpeechStart", "SpeechEnd"] * (len(names) // 2)
    assert all(a <= b for (_, a), (_, b) in pairwise(expected))


def test_speech_detection_output_stays_within_the_transform_limit() -> None:
    """The longest packet of a source, 200 ms, with the fastest settings, in the worst case."""
    out = tracked("#." * 200, size=200 * 16, attack=20, release=20)
    between = np.diff([n for n, item in enumerate(out) if isinstance(item, Audio)])
    assert between.max() <= 16


def test_speech_detection_ends_speech_after_lost_audio() -> None:
    """If packets are lost, silence counts by the clock."""
    tracker = SpeechTracker(SpeechParams(), frame=FRAME)
    loud, quiet = packets(np.ones(1_600, np.int16)), packets(np.zeros(32_000, np.int16))
    for packet in loud:
        tracker.mark(packet, voiced)
    (end, _) = tracker.mark(quiet[50], voiced)
    assert isinstance(end, SpeechEnd)
    assert end.at.pts == SECOND // 10


def test_speech_detection_marks_have_the_cause_of_the_audio() -> None:
    """So that a flush also reaches what follows from them."""
    packet = packets(np.ones(3_200, np.int16), size=3_200)[0]
    start, _ = SpeechTracker(SpeechParams(), frame=FRAME).mark(packet, voiced)
    assert isinstance(start, SpeechStart)
    assert start.at.cause is packet.at.cause


@pytest.mark.parametrize("params", [{"attack": "0ms"}, {"release": "6s"}, {"attack": 60}])
def test_speech_detection_refuses_invalid_settings(params: dict[str, str | int]) -> None:
    """A missing unit or a zero is found before the call."""
    with pytest.raises(ValueError, match=r"attack|release"):
        SpeechParams.model_validate(params)
