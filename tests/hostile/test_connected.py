"""A hostile caller beside an honest one: SCTP, ICE and RTCP of a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import uvloop

from nodes.webrtc.transport.opus import library
from tests.hostile import attacks_ice, attacks_sctp
from tests.hostile.attacker import Attack
from tests.hostile.beside import Report, beside_caller
from tests.hostile.host import hosting
from tests.nodes.webrtc.client import loopback
from tests.vitagraph.host.dialling import scripted

ATTEMPTS = 3
"""How often an attack is made, where the machine that runs the tests was busy."""
SURVIVORS = frozenset(
    {
        "endless_parameters",
        "truncated_chunks",
        "negative_acknowledgements",
        "many_ports",
        "nomination_without_priority",
        "shutdowns",
    }
)
"""Attacks whose packets are ignored, but are too few to end the call."""
GROUPS = {
    "acknowledgements": attacks_sctp.ATTACKS[:7],
    "memory": attacks_sctp.ATTACKS[7:13],
    "floods": attacks_sctp.ATTACKS[13:20],
    "datagrams": attacks_sctp.ATTACKS[20:],
    "ice": attacks_ice.ATTACKS,
}


@pytest.fixture(scope="module", autouse=True)
def opus() -> None:
    """Reading it from disk would block the loop."""
    library()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("attacks", GROUPS.values(), ids=GROUPS)
def test_attack_by_a_connected_caller_hurts_nobody_else(attacks: Sequence[Attack], tmp_path: Path) -> None:
    """One after another: the honest caller hears no gap, and gets its answers as before; the memory is free again.

    The attacker loses its own call, and the log stays empty.
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
    open_ = {name for name, report in reports.items() if "packets" in report.attacker and "open" in report.attacker}
    assert open_ <= SURVIVORS
