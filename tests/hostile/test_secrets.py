"""A hostile client beside an honest caller: client secrets, tokens and forged headers."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvloop

from nodes.webrtc.transport.opus import library
from tests.hostile.attacks_secrets import ATTACKS
from tests.hostile.beside import Report, beside_caller
from tests.hostile.host import hosting
from tests.nodes.webrtc.client import loopback
from tests.vitagraph.host.dialling import scripted

ATTEMPTS = 3
"""How often an attack is made, where the machine that runs the tests was busy."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_attack_with_secrets_hurts_nobody(tmp_path: Path) -> None:
    """One after another: the honest caller hears no gap, and gets its answers as before; the memory is free again."""
    library()
    with hosting(scripted(tmp_path), tmp_path / "log") as host:

        async def scene() -> dict[str, Report]:
            with loopback():
                async with beside_caller(host) as caller:
                    reports = {}
                    for attack in ATTACKS:
                        for _ in range(ATTEMPTS):
                            reports[attack.__name__] = report = await caller.run(attack)
                            if not report.faults():
                                break
                    return reports

        reports = uvloop.run(scene())
        assert [line for line in host.log.splitlines() if "--proxy" not in line] == []
    assert {name: report.faults() for name, report in reports.items() if report.faults()} == {}
    assert reports["large_sessions"].attacker.startswith("{200:")
    assert reports["invented_secrets"].attacker.startswith("{401:")
