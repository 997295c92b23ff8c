"""What the density benchmark says of a call must be true, or it proves nothing about the media path."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._density_callers import burst_loss, random_loss
from benchmarks._density_figures import Arrivals, DeliveredAudio

MS = 1_000_000
VOICE, SILENT = 90, 23


def spoken(late: dict[int, int], missing: set[int], count: int = 10) -> Arrivals:
    """Frames each 20 ms, the first of them silent; time and number wrap on the way. Lateness in ms by frame."""
    arrivals, number = Arrivals(), 65_530
    for frame in range(count):
        stamp = 2**32 - 2_000 + frame * 960
        if frame not in missing:
            arrivals.add(
                (5 + frame * 20 + late.get(frame, 0)) * MS, stamp % 2**32, number % 2**16, VOICE if frame else SILENT
            )
        number += frame not in missing
    return arrivals


def test_density_lateness_is_measured_from_the_earliest_packet() -> None:
    """Even where the first packet of a call was a late one."""
    lateness = spoken({0: 4, 7: 30}, set()).lateness()
    assert lateness == pytest.approx([4, 0, 0, 0, 0, 0, 0, 30, 0, 0], abs=0.001)


def test_density_counts_a_frame_that_was_never_sent_as_missing() -> None:
    """The server skipped it: the numbers have no gap, but the voice has a hole."""
    assert spoken({}, {4, 5}).missing() == 2


def test_density_counts_a_lost_frame_as_missing_once() -> None:
    arrivals = spoken({}, set())
    for column in (arrivals.times, arrivals.stamps, arrivals.numbers, arrivals.sizes):
        del column[3]
    assert arrivals.missing() == 1


def test_density_counts_no_missing_frames_for_silence() -> None:
    """A packet each 400 ms is all there is."""
    arrivals = Arrivals()
    for number in range(5):
        arrivals.add(number * 400 * MS, number * 19_200, number, SILENT)
    assert arrivals.missing() == 0


def heard(delays: dict[int, int], lost: set[int], count: int = 200) -> DeliveredAudio:
    """A call of 20 ms frames that are heard 1 ms after they were sent, or later."""
    numbers = np.arange(count, dtype=np.int64)
    sent = numbers * 20 * MS
    times = sent + np.array([delays.get(number, 1) * MS for number in range(count)], np.int64)
    return DeliveredAudio(numbers, times, sent, np.isin(numbers, list(lost)))


def test_density_delay_recovers_with_the_first_good_frame_after_a_loss() -> None:
    """Two packets are lost and the third waits for them: the fourth is as early as any."""
    call = heard({50: 80, 51: 60, 52: 40, 53: 20}, {50, 51})
    assert call.recoveries(1.0) == pytest.approx([80])


def test_density_delay_that_stays_never_recovers() -> None:
    """As in a buffer that grows and does not shrink."""
    assert heard(dict.fromkeys(range(50, 200), 200), {50}).recoveries(1.0) == pytest.approx([np.inf])


@pytest.mark.parametrize("seed", range(3))
def test_density_link_models_lose_the_configured_share(seed: int) -> None:
    """Bursts have the same share of packets in fewer, longer gaps."""
    single, bursts = random_loss(0.02, seed), burst_loss(0.01, 5.0, seed)
    alone = np.array([single(number) for number in range(100_000)])
    grouped = np.array([bursts(number) for number in range(100_000)])
    assert alone.mean() == pytest.approx(0.02, rel=0.1) and grouped.mean() == pytest.approx(0.01, rel=0.25)
    gaps = np.count_nonzero(np.diff(grouped.astype(int)) == 1)
    assert grouped.sum() / gaps == pytest.approx(5.0, rel=0.2)
