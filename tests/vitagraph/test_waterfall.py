"""The latency waterfall of a turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.params import ms
from vitagraph.waterfall import PARTS, TurnRecord, percentile, voice_to_voice

times = st.integers(min_value=0, max_value=ms(60_000))


@given(times, st.dictionaries(st.sampled_from(PARTS), times))
def test_waterfall_parts_add_up_to_the_latency(voice_end: int, reached: dict[object, int]) -> None:
    """In whatever order milestones were reached: otherwise a slow part could be hidden."""
    turn = TurnRecord(1, voice_end, reached={stage: reached[stage] for stage in PARTS if stage in reached})
    assert turn.silence is None or sum(turn.parts().values()) == turn.silence
    assert all(part >= 0 for part in turn.parts().values())
    assert set(turn.parts()) == set(reached)


def test_waterfall_work_on_a_tentative_turn_costs_nothing() -> None:
    """A transcript that was ready before the decision added no wait."""
    turn = TurnRecord(1, ms(1000), reached={"decided": ms(1400), "transcript": ms(1200), "audible": ms(1500)})
    assert turn.parts() == {"decided": ms(400), "transcript": 0, "audible": ms(100)}


def test_waterfall_of_an_unanswered_turn_has_no_latency() -> None:
    """It must not count as a fast answer in the percentiles."""
    turns = [TurnRecord(1, 0, reached={"decided": 5}), TurnRecord(2, 0, reached={"audible": ms(300)})]
    assert [turn.silence for turn in turns] == [None, ms(300)]
    assert [turn.outcome for turn in turns] == ["unanswered", "answered"]
    assert voice_to_voice(turns) == {"p50": 300.0, "p95": 300.0}


def test_waterfall_marks_an_interrupted_answer() -> None:
    """Otherwise a summary would count it as a success."""
    assert TurnRecord(1, 0, reached={"audible": 1}, interrupted=True).outcome == "interrupted"


@given(st.lists(times, min_size=1, max_size=50), st.floats(min_value=0, max_value=1))
def test_percentile_lies_among_the_values(values: list[int], share: float) -> None:
    """And equals the extreme at both ends."""
    value = percentile(values, share)
    assert value is not None
    assert min(values) <= value <= max(values)
    assert (percentile(values, 0.0), percentile(values, 1.0)) == (min(values), max(values))


def test_percentile_of_no_values_is_none() -> None:
    """A replay without answers shows a dash instead of 0 ms."""
    assert percentile([], 0.5) is None
    assert voice_to_voice([]) == {"p50": None, "p95": None}
