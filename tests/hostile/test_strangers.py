"""Strangers and greedy callers beside an honest one: HTTP, WebSockets, offers and events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import uvloop

from nodes.webrtc.transport.opus import library
from tests.hostile import attacks_calls, attacks_http
from tests.hostile.attacker import Attack
from tests.hostile.beside import Report, beside_caller
from tests.hostile.host import hosting
from tests.nodes.webrtc.client import loopback
from tests.vitagraph.host.dialling import scripted

ATTEMPTS = 3
"""How often an attack is made, where the machine that runs the tests was busy."""
GROUPS = {
    "connections": attacks_http.CONNECTIONS,
    "requests": attacks_http.REQUESTS,
    "forms": attacks_http.FORMS,
    "sockets": attacks_http.SOCKETS,
    "calls": attacks_calls.ATTACKS,
}


@pytest.fixture(scope="module", autouse=True)
def opus() -> None:
    """Reading it from disk would block the loop."""
    library()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("attacks", GROUPS.values(), ids=GROUPS)
def test_attack_by_a_stranger_hurts_nobody(attacks: Sequence[Attack], tmp_path: Path) -> None:
    """One after another: the honest caller, who has the same address, gets sound and answers as before.

    The memory is free again, and the log stays empty.
    """
    with hosting(scripted(tmp_path), tmp_path / "log") as host:

        async def scene() -> dict[str, Report]:
            with loopback():
                async with beside_caller(host) as caller:
                    reports = {}
                    for attack in attacks:
                        for _ in range(ATTEMPTS):
                            reports[attack.__name__] = report = await caller.run(attack)
                            if not report.faults():
                                break
                    return reports

        reports = uvloop.run(scene())
        assert host.log == ""
    assert {name: report.faults() for name, report in reports.items() if report.faults()} == {}
