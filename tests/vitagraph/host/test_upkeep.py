"""A host that looks after itself: who is ill is told, who has nobody is not called, and both end by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.compute.instances import PoolSpec
from pipeline.compute.pool import Pooled
from pipeline.errors import AdmissionError, ResourceError
from pipeline.packet import MILLISECOND
from tests.vitagraph.host.dialling import SCRIPTED, dial, gone, hosting, scripted
from tests.vitagraph.host.dialling_nodes import Beeper
from vitagraph.host.admission import Measures
from vitagraph.host.headroom import Crowd
from vitagraph.host.switchboard import Switchboard


class Voice(Beeper):
    """As well as the test says."""

    ill = False

    async def probe(self) -> None:
        """Raises while it is ill."""
        if Voice.ill:
            raise ResourceError("it is hoarse", hint="tea")


class Choir(Beeper):
    """Has a model."""

    engine = Pooled(lambda _: object())


HERE = "tests.vitagraph.host.test_upkeep:Voice"
ALONE = SCRIPTED.replace("tests.vitagraph.host.dialling_nodes:Beeper", HERE)
SPARED = ALONE.replace(
    f"tts: {HERE}", f'tts: {{use: "{HERE}", fallback: "tests.vitagraph.host.dialling_nodes:Beeper"}}'
)
QUICK: dict[str, Any] = {"health": 0.2}


@pytest.fixture(autouse=True)
def ill(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start."""
    monkeypatch.setattr(Voice, "ill", True)


async def until(holds: Callable[[], object]) -> None:
    """Waits for it."""
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        while not holds():
            await clock.sleep(10 * MILLISECOND)


def test_monitoring_reports_an_unhealthy_member_while_a_fallback_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator learns of it before the stand-in fails too; callers are taken as ever."""

    async def scene(switchboard: Switchboard) -> None:
        await switchboard.warm()
        await until(switchboard.degraded)
        (member,) = switchboard.degraded()
        assert (member.node, member.use, member.message) == ("tts", HERE, "it is hoarse")
        assert switchboard.not_ready() == ""
        await (await dial(switchboard)).close()
        Voice.ill = False
        await until(lambda: not switchboard.degraded())
        await gone(switchboard)

    with caplog.at_level(logging.WARNING, "vitagraph.host.upkeep"):
        hosting(scene, scripted(tmp_path, text=SPARED), **QUICK)
    told = [record.message for record in caplog.records if record.name == "vitagraph.host.upkeep"]
    assert told == [f"tts ({HERE}) is not well: it is hoarse", f"tts ({HERE}) is well again"]


def test_monitoring_refuses_calls_while_a_node_has_no_healthy_member(tmp_path: Path) -> None:
    """Who calls is told so at once, and does not talk to a machine that has no voice."""

    async def scene(switchboard: Switchboard) -> None:
        await switchboard.warm()
        await until(switchboard.not_ready)
        assert "out of order" in switchboard.not_ready()
        with pytest.raises(AdmissionError, match="Sorry, it is out of order just now"):
            await dial(switchboard)
        Voice.ill = False
        await until(lambda: not switchboard.not_ready())
        await (await dial(switchboard)).close()
        await gone(switchboard)

    hosting(scene, scripted(tmp_path, text=ALONE), **QUICK)


def test_monitoring_covers_another_graph_once_it_was_called(tmp_path: Path) -> None:
    """Also where its first call brought instructions of its own."""

    async def scene(switchboard: Switchboard) -> None:
        await switchboard.warm()
        caller = await dial(switchboard, "hoarse", instructions="Be brief.")
        await until(switchboard.degraded)
        assert switchboard.not_ready() == "", "the default graph is well"
        with pytest.raises(AdmissionError, match="out of order"):
            await dial(switchboard, "hoarse")
        await caller.close()
        await gone(switchboard)

    scripted(tmp_path, "hoarse", ALONE)
    hosting(scene, "echo", [tmp_path], **QUICK)


def test_monitoring_measures_this_process(tmp_path: Path) -> None:
    """A host that measured nothing would take every call."""

    async def scene(switchboard: Switchboard) -> Measures:
        caller = await dial(switchboard)
        machine = switchboard._upkeep._machine  # type: ignore[union-attr]
        assert machine.cores > 0
        await caller.clock.sleep(600 * MILLISECOND)
        found = machine.measure()
        await caller.close()
        await gone(switchboard)
        return found

    found = hosting(scene, scripted(tmp_path, text=ALONE))
    assert 0 < found.memory < 1 and found.cpu > 0 and found.wait == 0


def test_monitoring_makes_no_batches_under_memory_pressure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models would take again what the caches have given back, and the system would end the process."""

    async def scene(switchboard: Switchboard) -> list[bool]:
        machine = switchboard._upkeep._machine  # type: ignore[union-attr]
        found = []
        for share in (0.5, 0.85, 0.7, 0.85):
            monkeypatch.setattr(machine.load._memory, "value", share)
            machine.measure()
            found.append(PoolSpec.sparing)
        return found

    assert hosting(scene, scripted(tmp_path)) == [False, True, False, True]
    assert not PoolSpec.sparing, "the next host has memory"


def test_monitoring_counts_calls_by_what_they_use(tmp_path: Path) -> None:
    """Echoes that are taken for conversations, or the other way round, would spoil what each is known to cost."""

    async def scene(switchboard: Switchboard) -> None:
        callers = [await dial(switchboard, graph) for graph in ("echo", "choir", "echo")]
        assert switchboard._crowd() == Crowd(heavy=1, light=2)
        assert switchboard._upkeep._admission._new() == Crowd(1, 2)  # type: ignore[union-attr]
        for caller in callers:
            await caller.close()
        await gone(switchboard)
        assert switchboard._crowd() == Crowd()

    scripted(tmp_path, "choir", SCRIPTED.replace("dialling_nodes:Beeper", "test_upkeep:Choir"))
    hosting(scene, "echo", [tmp_path])


def test_monitoring_handles_a_pool_whose_only_instance_is_being_replaced(tmp_path: Path) -> None:
    """Whoever calls at that moment would get an error of the program."""

    async def scene(switchboard: Switchboard) -> None:
        await switchboard.warm()
        machine = switchboard._upkeep._machine  # type: ignore[union-attr]
        choir = next(each.pool for each in machine._resources.loaded() if each.use.endswith("Choir"))
        choir._leases.members.all.clear()
        assert all(share.total >= 1 for share in machine.shares()[1:])

    scripted(tmp_path, "choir", SCRIPTED.replace("dialling_nodes:Beeper", "test_upkeep:Choir"))
    hosting(scene, tmp_path / "choir.yaml")
