"""What the soak says of availability must be true, or it proves nothing about the host."""

from __future__ import annotations

import pytest

from benchmarks._soak_figures import CallRecord, Ledger, Outage, table


def ledger(*calls: CallRecord, asked: int = 0, answered: int = 0) -> Ledger:
    """Some calls."""
    return Ledger(list(calls), asked, answered)


def test_soak_availability_is_the_share_of_time_without_outage() -> None:
    """Two calls of five minutes, one of them dead for three seconds."""
    figures = ledger(CallRecord(0, 300), CallRecord(100, 400, [Outage(200, 203, "lost")]))
    assert figures.minutes == 10
    assert figures.availability(killed=False) == pytest.approx(1 - 3 / 600)
    assert figures.failed_minutes(killed=False) == 1


def test_soak_outage_across_a_minute_fails_both() -> None:
    """Minutes are counted from the beginning of the call."""
    figures = ledger(CallRecord(30, 330, [Outage(88, 92, "lost"), Outage(95, 96, "lost again")]))
    assert figures.calls[0].failed_minutes(killed=False) == {0, 1}


def test_soak_kill_is_counted_separately() -> None:
    """It is the experiment's doing, not the host's."""
    figures = ledger(CallRecord(0, 300, [Outage(100, 103, "killed", killed=True), Outage(200, 201, "lost")]))
    assert figures.availability(killed=False) == pytest.approx(1 - 1 / 300)
    assert figures.availability(killed=True) == pytest.approx(1 - 4 / 300)


def test_soak_call_that_never_came_back_is_dead_until_its_end() -> None:
    """Not only until its caller gave up."""
    figures = ledger(CallRecord(0, 100, [Outage(40, 1_000, "lost")]))
    assert figures.dead_minutes(killed=False) == pytest.approx(1)


def test_soak_success_is_the_share_of_answered_questions() -> None:
    """Without a question there is no success."""
    assert ledger(asked=50, answered=49).success == 0.98
    assert ledger().success == 0 and ledger().availability(killed=False) == 0


def test_soak_table_has_both_figures() -> None:
    """Availability of call-minutes and success of turns, and what followed from the kill."""
    figures = ledger(CallRecord(0, 60), asked=4, answered=3)
    figures.back = [2.51, 1.2]
    text = "\n".join(table(figures, killed=True))
    assert "100.0000%" in text and "75.00%  (3 of 4 answered)" in text
    assert "back after 1.2, 2.5 s" in text
    assert "SIGKILL" not in "\n".join(table(figures, killed=False))
