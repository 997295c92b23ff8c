"""What the node computes, and that it keeps the rules of the engine."""

from __future__ import annotations

import numpy as np

from nodes.packets import Audio
from own_node.gain import Gain
from pipeline import Cause, Packet, Stamp
from pipeline.testing import conformance, root_stamp, run_node

FRAME = 20_000_000


def test_six_decibels_double_the_samples() -> None:
    heard = Audio(root_stamp(0, FRAME), np.array([100, -100, 30_000], np.int16), 16_000)
    out = run_node(Gain(decibels=6.0206), [heard])
    assert [packet.samples.tolist() for packet in out.of(Audio)] == [[200, -200, 32_767]]


def test_gain_conforms() -> None:
    def feed(cause: Cause) -> list[Packet]:
        return [Audio(Stamp(n * FRAME, FRAME, cause), np.ones(320, np.int16), 16_000) for n in range(50)]

    conformance(Gain, feed)
