"""The statistics of a stream of packets."""

from __future__ import annotations

import pytest

from nodes.webrtc.transport.jitter import JitterBuffer
from nodes.webrtc.transport.rtp import ReceptionStatistics, RtpPacket
from pipeline.packet import MILLISECOND


def reception(*arrivals: tuple[int, float], timestamp: int = 0) -> ReceptionStatistics:
    """A stream whose packets of 20 ms, by their number, arrived at these milliseconds."""
    seen = ReceptionStatistics(7, arrivals[0][0])
    for number, at in arrivals:
        packet = RtpPacket(111, number & 0xFFFF, timestamp + number * 960 & 0xFFFF_FFFF, 7, b"")
        seen.add(packet, round(at * MILLISECOND))
    return seen


def test_reception_jitter_is_that_of_rfc_3550() -> None:
    """Computed by hand: the third packet is 5 ms (240 units) late, the fourth in time again.

    J = 0, then 240 / 16 = 15, then 15 + (240 - 15) / 16 = 29.0625 units of 1/48 ms.
    """
    assert reception((0, 100), (1, 120)).jitter_ms == 0
    assert reception((0, 100), (1, 120), (2, 145)).jitter_ms == pytest.approx(15 / 48)
    assert reception((0, 100), (1, 120), (2, 145), (3, 160)).jitter_ms == pytest.approx(29.0625 / 48)


def test_reception_jitter_is_not_raised_by_loss_pauses_and_wraps() -> None:
    """An even network has none, whatever the person does."""
    even = [(number, 20 * number) for number in (0, 1, 2, 5, 6, 40, 41)]
    assert reception(*even).jitter_ms == 0
    assert reception(*even, timestamp=0xFFFF_FFFF - 2_000).jitter_ms == 0


def test_reception_jitter_of_steady_delay_changes_approaches_their_size() -> None:
    """Packets that are late by 10 ms every second time: J approaches 10 ms."""
    arrivals = [(number, 20 * number + 10 * (number % 2)) for number in range(200)]
    assert reception(*arrivals).jitter_ms == pytest.approx(10, rel=0.01)


def test_jitter_buffer_counts_the_gaps_between_packets() -> None:
    """Five packets lost in two gaps: bursts, which are heard more than losses at random."""
    buffer, payload = JitterBuffer(), b"\x08" + bytes(20)
    for number in (0, 1, 5, 6, 9, 10):
        now = number * 20 * MILLISECOND
        buffer.push(number, number * 960, payload, now)
        buffer.poll(now + 150 * MILLISECOND)
    assert (buffer.counts.lost, buffer.counts.gaps) == (5, 2)
