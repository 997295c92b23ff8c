"""A hostile caller beside an honest one: SCTP, ICE and RTCP of a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hostile import attacks_ice, attacks_sctp
from tests.hostile.attacker import Attack
from tests.hostile.beside import LONG, SHORT, run_beside

SURVIVORS = frozenset(
    {
        "endless_parameters",
        "truncated_chunks",
        "negative_acknowledgements",
        "many_ports",
        "nomination_without_priority",
        "shutdowns",
        "tiny_parameters",
        "resets",
        "duplicates",
        "many_chunks",
    }
)
"""Attacks whose packets are ignored, but are too few to end the call; the last four where the attacker is slow."""


@pytest.mark.parametrize("share", [SHORT, LONG])
@pytest.mark.parametrize("attacks", [attacks_sctp.ATTACKS, attacks_ice.ATTACKS], ids=["sctp", "ice"])
def test_attack_by_a_connected_caller_hurts_nobody_else(
    attacks: Sequence[Attack], share: float, tmp_path: Path
) -> None:
    """One after another: the honest caller hears no gap, and gets its answers as before; the memory is free again.

    The attacker loses its own call, and the log stays empty.
    """
    reports, log = run_beside(attacks, tmp_path, share)
    assert log == ""
    assert {name: report.faults() for name, report in reports.items() if report.faults()} == {}
    open_ = {name for name, report in reports.items() if "packets" in report.attacker and "open" in report.attacker}
    assert open_ <= SURVIVORS
