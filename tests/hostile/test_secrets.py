"""A hostile client beside an honest caller: client secrets, tokens and forged headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.attacks_secrets import ATTACKS
from tests.hostile.beside import LONG, SHORT, run_beside


@pytest.mark.parametrize("share", [SHORT, LONG])
def test_attack_with_secrets_hurts_nobody(share: float, tmp_path: Path) -> None:
    """One after another: the honest caller hears no gap, and gets its answers as before; the memory is free again."""
    reports, log = run_beside(ATTACKS, tmp_path, share)
    assert [line for line in log.splitlines() if "--proxy" not in line] == []
    assert {name: report.faults() for name, report in reports.items() if report.faults()} == {}
    assert reports["large_sessions"].attacker.startswith("{200:")
    assert reports["invented_secrets"].attacker.startswith("{401:")
