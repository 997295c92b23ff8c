"""Faults of a host that takes calls, each from `BEGIN` to `END` in virtual time, and what its alerts say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, seed

import pytest

from pipeline.clock import Clock
from pipeline.errors import AdmissionError
from pipeline.packet import SECOND
from pipeline.runtime import runner
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.virtual import VirtualLoop
from tests.vitagraph.alerts.redis_server import EmptyRedis
from tests.vitagraph.alerts.talking import BROKEN, GRAPH, Line
from tests.vitagraph.host.dialling import ROOMY, scripted
from vitagraph.alerts.spec import AlertRule
from vitagraph.chaos.file import parse_chaos
from vitagraph.chaos.spec import NO_FAULTS
from vitagraph.host import monitoring
from vitagraph.host.call import Call
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.settings import HostSettings
from vitagraph.observe.timeline import AlertState

BEGIN, END = 120, 1020
"""Seconds; without a fault nothing may fire before, and everything must have cleared `PATIENCE` after."""
PATIENCE = 900
REDIS = "redis://127.0.0.1:{port}/0"
"""In a replacement of the graph; `port` is that of the scene's Redis."""
QUIET = 120
"""Seconds without an alert after which a scene is over."""


class Machine:
    """A machine of which the process uses a little."""

    cores = 2.0
    memory_limit = 100
    used = 40

    def cpu(self) -> float:
        """None."""
        return 0.0

    def memory(self) -> int:
        """What the scene says."""
        return self.used

    def close(self) -> None:
        """Nothing is open."""


class BlockableLoop(VirtualLoop):
    """Virtual time in which a callback can take long."""

    def block(self, seconds: float) -> None:
        """As if the running callback had taken so long."""
        self._now = round((self._now + seconds) * 1e9) / 1e9


@dataclass
class Scene:
    """A host with a call, and what its alerts do."""

    manager: CallManager
    machine: Machine
    line: Line
    redis: EmptyRedis
    began: float
    """When the call began, seconds on the loop's clock."""
    fired: dict[str, float] = field(default_factory=dict)
    """By alert, the seconds from the fault's begin."""
    cleared: dict[str, float] = field(default_factory=dict)
    """By alert, the seconds from the fault's end."""
    problems: list[str] = field(default_factory=list)
    more: list[Call] = field(default_factory=list)
    changed: float = 0.0
    """When an alert last fired or cleared."""

    def now(self) -> float:
        """Seconds since the call began."""
        return asyncio.get_running_loop().time() - self.began

    def take(self, rule: AlertRule, alert: AlertState) -> None:
        """Notes when an alert fires and clears."""
        self.changed = self.now()
        if alert.cleared is not None:
            self.cleared[rule.name] = self.changed - END
        elif rule.name in self.fired:
            self.problems.append(f"{rule.name} {alert.labels} fires a second time")
        else:
            self.fired[rule.name] = self.changed - BEGIN

    async def call(self, graph: str | None = None) -> None:
        """One more call."""
        self.more.append(await self.manager.join(Line(), Offer(graph=graph)))

    async def refused(self) -> None:
        """One more call, for which there is no seat."""
        with pytest.raises(AdmissionError), self.manager.metrics.counting_refusals():
            await self.call()

    def hang_up(self) -> None:
        """Ends the further calls."""
        for call in self.more:
            call.hang_up("it is enough")


Step = Callable[[Scene], object]


@dataclass(frozen=True)
class Fault:
    """One row of the table in docs/observability.md."""

    what: str
    alerts: tuple[str, ...]
    """The alerts that it raises, without their prefix, and no others."""
    chaos: str = ""
    """A line of a chaos file, without its times."""
    begin: Step | None = None
    """May be a coroutine function, as `end` may."""
    every: Step | None = None
    """Is done each second while it lasts."""
    end: Step | None = None
    graph: tuple[str, str] = ("", "")
    """What of the graph is replaced, and by what."""
    calls: int = 100
    """The seats of the host."""

    @property
    def name(self) -> str:
        """For the test."""
        return self.what.replace(" ", "-")

    def chaos_file(self) -> str:
        """The text of the file."""
        times = f"from: {BEGIN}s, until: {END}s"
        return "chaos:\n" + "".join(f"  - {{{each}, {times}}}\n" for each in self.chaos.splitlines())


@contextmanager
def looped() -> Iterator[asyncio.Runner]:
    """A loop in virtual time that can be blocked."""
    with asyncio.Runner(loop_factory=BlockableLoop) as runner:
        yield runner


def play(fault: Fault, folder: Path, patch: pytest.MonkeyPatch) -> Scene:
    """Plays a scene; its alerts are those that really fired."""
    scripted(folder, "broken", BROKEN)
    redis, (old, new) = EmptyRedis(), fault.graph
    text = GRAPH.replace(old, new.replace(REDIS, f"redis://127.0.0.1:{redis.port}/0")) if old else GRAPH
    file = scripted(folder, "talking", text)
    chaos = parse_chaos(fault.chaos_file(), folder / "chaos.yaml") if fault.chaos else NO_FAULTS
    machine = Machine()
    patch.setattr(monitoring, "Probes", lambda: machine)
    patch.setattr(logging.getLogger("pipeline.policies.redis"), "disabled", True)  # its line would block the loop
    seed(0)
    patch.setattr(runner, "PolicyStore", lambda: PolicyStore(Random(0)))
    settings = HostSettings(health=0, thresholds=ROOMY, calls=fault.calls)
    with looped() as loop:
        return loop.run(_play(fault, settings, GraphCatalogue(file, [folder], chaos), machine, redis))


async def _play(
    fault: Fault, settings: HostSettings, graphs: GraphCatalogue, machine: Machine, redis: EmptyRedis
) -> Scene:
    if REDIS in fault.graph[1]:
        await redis.start()
    async with CallManager(settings, graphs) as manager:
        line = Line()
        await manager.join(line, Offer())
        scene = Scene(manager, machine, line, redis, asyncio.get_running_loop().time())
        manager.observation.alerts.listen(scene.take)
        await _until(scene, BEGIN)
        await _do(fault.begin, scene)
        await _until(scene, END, fault.every)
        await _do(fault.end, scene)
        while manager.observation.alerts.active() or scene.now() - max(scene.changed, END) < QUIET:
            await _until(scene, scene.now() + 1)
            if scene.now() > END + PATIENCE:
                scene.problems.append(f"{[alert.name for alert in manager.observation.alerts.active()]} do not clear")
                break
        scene.hang_up()
        await redis.stop()
        return scene


async def _until(scene: Scene, time: float, every: Step | None = None) -> None:
    """Lets time go on, with 50 packets of sound a second."""
    while scene.now() < time:
        await Clock(asyncio.get_running_loop()).sleep(round(min(1.0, time - scene.now()) * SECOND))
        await _do(every or (lambda scene: scene.line.transport(50, 0)), scene)


async def _do(step: Step | None, scene: Scene) -> None:
    done = step(scene) if step is not None else None
    if asyncio.iscoroutine(done):
        await done
