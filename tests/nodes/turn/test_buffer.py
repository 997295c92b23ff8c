"""The audio of a turn: no sample is lost or duplicated."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import Audio, duration_of
from nodes.turn._buffer import TurnBuffer
from pipeline.testing import root_stamp

RATE = 8_000


@given(st.lists(st.integers(1, 400), min_size=1, max_size=80), st.integers(0, 3000))
def test_turn_buffer_keeps_exactly_the_audio_from_a_time_on(sizes: list[int], start_ms: int) -> None:
    buffer, whole, at = TurnBuffer(), np.arange(sum(sizes), dtype=np.int16), 0
    for size in sizes:
        stamp = root_stamp(duration_of(at, RATE), duration_of(size, RATE))
        buffer.add(Audio(stamp, whole[at : at + size], RATE))
        at += size
    assert np.array_equal(buffer.snapshot(), whole)
    buffer.start_at(start_ms * 1_000_000)
    first = min(len(whole), start_ms * RATE // 1000)
    assert np.array_equal(buffer.snapshot(), whole[first:])
    assert buffer.pts == duration_of(first, RATE)


def test_turn_buffer_lead_in_stays_short() -> None:
    buffer = TurnBuffer()
    for n in range(1000):
        buffer.add(Audio(root_stamp(n * 20_000_000, 20_000_000), np.full(160, n % 100, np.int16), RATE))
        buffer.keep_last(300_000_000)
        assert buffer.duration <= 620_000_000
    assert buffer.end == 20_000_000_000
