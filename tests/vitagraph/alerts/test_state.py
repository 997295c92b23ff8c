"""When an alert fires and clears."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitagraph.alerts.state import AlertPhase, Phase

STEP = 5
Holds = st.lists(st.booleans(), min_size=1, max_size=120)
Times = st.integers(0, 60)


def phases(hold: int, keep: int, holds: list[bool]) -> list[Phase]:
    """The phase after each step of 5."""
    alert = AlertPhase(hold, keep)
    return [alert.update(STEP * place, 1.0 if each else None, holds=each) for place, each in enumerate(holds)]


@given(Times, Times, Holds)
def test_alert_fires_only_after_its_condition_has_held_without_a_break(hold: int, keep: int, holds: list[bool]) -> None:
    """Nobody is woken for a moment's trouble."""
    made = phases(hold, keep, holds)
    for place, phase in enumerate(made):
        if phase == "firing" and (place == 0 or made[place - 1] != "firing"):
            need = -(-hold // STEP)
            assert place >= need and all(holds[place - need : place + 1])


@given(Times, Times, Holds)
def test_alert_fires_whenever_its_condition_has_held_long_enough(hold: int, keep: int, holds: list[bool]) -> None:
    """No trouble that lasts is missed."""
    made, need = phases(hold, keep, holds), -(-hold // STEP)
    for place in range(need, len(holds)):
        if all(holds[place - need : place + 1]):
            assert made[place] == "firing"


@given(Times, Times, Holds)
def test_alert_clears_once_its_condition_has_been_gone_for_long_enough(hold: int, keep: int, holds: list[bool]) -> None:
    """What is over is said to be over, and no sooner than `keep_for`."""
    quiet = [False] * (keep // STEP + 2)
    assert phases(hold, keep, holds + quiet)[-1] == "inactive"
    made = phases(hold, keep, holds)
    for place in range(1, len(made)):
        if made[place - 1] == "firing" and made[place] == "inactive":
            last = max(each for each in range(place) if holds[each])
            assert STEP * (place - last) >= keep


@given(Times, Holds)
def test_alert_does_not_flap_within_its_hysteresis(keep: int, holds: list[bool]) -> None:
    """A condition that comes and goes is one alert."""
    made = phases(0, keep, holds)
    for place, each in enumerate(made):
        recent = holds[max(0, place - (keep - 1) // STEP) : place + 1] if keep else [holds[place]]
        if any(recent):
            assert each == "firing"


def test_alert_without_value_keeps_the_last_one() -> None:
    """Its series may be gone while it is kept."""
    alert = AlertPhase(0, 10)
    alert.update(0, 7.0, holds=True)
    assert (alert.update(5, None, holds=False), alert.value) == ("firing", 7.0)
