"""Headroom: what a call costs is learned, and learned anew when it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitagraph.host.headroom import FORGET, PROCESSOR, AssumedCosts, CallCounts, Headroom, SharedResource

ASSUMED = AssumedCosts()


def test_headroom_learns_nothing_without_calls() -> None:
    """A quiet night does not make calls seem free, nor a host that does something else make them dear."""
    headroom = Headroom(ASSUMED)
    headroom.learn([SharedResource(PROCESSOR, 2.0, 2.0)], CallCounts(), 10_000)
    assert headroom.cost(PROCESSOR) == ASSUMED.heavy
    assert headroom.cost(PROCESSOR, heavy=False) == ASSUMED.light


def test_headroom_cost_follows_the_calls() -> None:
    """Another graph, another model: in a few minutes it is known."""
    headroom = Headroom(ASSUMED)
    for used in (1.0, 0.2):
        for _ in range(round(5 * FORGET)):
            headroom.learn([SharedResource("model", used, 1)], CallCounts(10), 1)
        assert headroom.cost("model") == pytest.approx(used / 10, rel=0.05)


def test_headroom_names_the_resource_in_shortage() -> None:
    """The operator learns what to have more of."""
    headroom = Headroom(ASSUMED)
    for _ in range(600):
        headroom.learn(
            [SharedResource(PROCESSOR, 0.1, 8), SharedResource("dialogue.llama (1)", 0.2, 1)], CallCounts(5), 1
        )
    assert headroom.shortage(CallCounts(5, 50), heavy=True) == ""
    assert headroom.shortage(CallCounts(8, 50), heavy=True) == "8 calls would use 32% of dialogue.llama (1) (room: 25%)"
    assert headroom.shortage(CallCounts(8, 50), heavy=False) == "", "who needs no model waits for none"
    told = headroom.shortage(CallCounts(8, 1492), heavy=False)
    assert told == "1500 calls would use 95% of the processor (room: 90%)"


def test_headroom_forgets_a_resource_that_is_gone() -> None:
    """A model that no graph uses any more would refuse calls until the host is restarted."""
    headroom = Headroom(ASSUMED)
    for _ in range(600):
        headroom.learn([SharedResource(PROCESSOR, 0.1, 8), SharedResource("model", 1, 1)], CallCounts(5), 1)
    assert "model" in headroom.shortage(CallCounts(5), heavy=True)
    headroom.learn([SharedResource(PROCESSOR, 0.1, 8)], CallCounts(5), 1)
    assert headroom.shortage(CallCounts(5), heavy=True) == ""
    headroom.learn([SharedResource(PROCESSOR, 0.1, 8), SharedResource("model", 0, 1)], CallCounts(5), 1)
    assert headroom.cost("model") == pytest.approx(ASSUMED.pool, rel=0.1), "it is another one now"


CROWDS = st.builds(CallCounts, st.integers(0, 8), st.integers(0, 60))
STRETCHES = st.lists(st.tuples(CROWDS, st.integers(1, 900)), max_size=6)


@given(STRETCHES, CROWDS, st.floats(0.02, 2), st.floats(0, 0.05), st.floats(0, 1))
def test_headroom_learns_the_cost_of_each_kind_of_call_separately(
    before: list[tuple[CallCounts, int]], now: CallCounts, heavy: float, light: float, model: float
) -> None:
    """A host that has served many of the one kind would take too many of the other, or none."""
    headroom = Headroom(ASSUMED)
    for crowd, seconds in (*before, (now, 3600)):
        used = crowd.heavy * heavy + crowd.light * light
        for _ in range(0, seconds, 10):
            headroom.learn(
                [SharedResource(PROCESSOR, used, 8), SharedResource("model", crowd.heavy * model, 1)], crowd, 10
            )
    dear, cheap = headroom.cost(PROCESSOR), headroom.cost(PROCESSOR, heavy=False)
    if not now.heavy:
        assert not now.light or cheap == pytest.approx(light, rel=0.05, abs=1e-4)
        return
    doubt = now.light / now.heavy  # of a call with models, for each core by which one without was misjudged
    assert heavy - doubt * ASSUMED.light <= 1.01 * dear
    assert 0.99 * dear <= heavy + doubt * max(0, light - min(ASSUMED.light, cheap))
    assert now.heavy * dear + now.light * cheap >= 0.99 * used, "together they take no less than is seen"
    assert headroom.cost("model") == pytest.approx(model, rel=0.05, abs=1e-3)
