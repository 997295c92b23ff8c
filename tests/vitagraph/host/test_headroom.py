"""The sum of the admission: what a call takes is learned, and forgotten when it changes."""

from __future__ import annotations

import pytest

from vitagraph.host.headroom import FORGET, PROCESSOR, Assumed, Headroom, Share

ASSUMED = Assumed()


def test_nothing_is_learned_while_nobody_calls() -> None:
    """A quiet night does not make calls seem free, nor a host that does something else make them dear."""
    headroom = Headroom(ASSUMED)
    headroom.learn([Share(PROCESSOR, 2.0, 2.0)], 0, 10_000)
    assert headroom.cost(PROCESSOR) == ASSUMED.heavy
    assert headroom.cost(PROCESSOR, heavy=False) == ASSUMED.light


def test_a_cost_follows_what_calls_do() -> None:
    """Another graph, another model: in a few minutes it is known."""
    headroom = Headroom(ASSUMED)
    for used in (1.0, 0.2):
        for _ in range(round(5 * FORGET)):
            headroom.learn([Share("model", used, 1)], 10, 1)
        assert headroom.cost("model") == pytest.approx(used / 10, rel=0.05)


def test_what_there_would_be_too_little_of_is_told() -> None:
    """The operator learns what to have more of."""
    headroom = Headroom(ASSUMED)
    for _ in range(600):
        headroom.learn([Share(PROCESSOR, 0.1, 8), Share("dialogue.llama (1)", 0.25, 1)], 5, 1)
    assert headroom.lack(5, heavy=True) == ""
    assert headroom.lack(8, heavy=True) == "8 calls would use 40% of dialogue.llama (1) (room: 30%)"
    assert headroom.lack(8, heavy=False) == "", "who needs no model waits for none"
    assert PROCESSOR in headroom.lack(1000, heavy=False)
