"""Strangers and greedy callers beside an honest one: HTTP, WebSockets, offers and events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hostile import attacks_calls, attacks_http
from tests.hostile.attacker import Attack
from tests.hostile.beside import LONG, SHORT, run_beside

GROUPS = {
    "http": (*attacks_http.CONNECTIONS, *attacks_http.REQUESTS, *attacks_http.FORMS),
    "calls": (*attacks_http.SOCKETS, *attacks_calls.ATTACKS),
}


@pytest.mark.parametrize("share", [SHORT, LONG])
@pytest.mark.parametrize("attacks", GROUPS.values(), ids=GROUPS)
def test_attack_by_a_stranger_hurts_nobody(attacks: Sequence[Attack], share: float, tmp_path: Path) -> None:
    """One after another: the honest caller, who has the same address, gets sound and answers as before.

    The memory is free again, and the log stays empty.
    """
    reports, log = run_beside(attacks, tmp_path, share)
    assert log == ""
    assert {name: report.faults() for name, report in reports.items() if report.faults()} == {}
