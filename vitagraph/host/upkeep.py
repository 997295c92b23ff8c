"""What a host does for itself while it takes calls: it watches the machine, and who serves its graphs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from pipeline.clock import Clock
from pipeline.compute.instances import PoolSpec
from pipeline.compute.resources import Loaded
from pipeline.compute.statistics import PoolStatistics
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.observe.load import Load
from pipeline.observe.probes import Probes
from pipeline.packet import SECOND
from pipeline.params import seconds
from pipeline.runtime.health import Health, MemberHealth, unserviceable_nodes
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import Admission, Measures, Refused
from vitagraph.host.headroom import PROCESSOR, Crowd, Share
from vitagraph.host.memory import MemoryGuard
from vitagraph.host.settings import Settings

log = logging.getLogger(__name__)

_NEVER = 1e6
"""Seconds between two looks that do not happen."""
_SMALL = 0.25
"""The share of its size that a cache keeps while memory is tight."""
_OUTAGE = 30
"""Seconds after which somebody may be well again."""

Lags = Callable[[], Iterable[int]]
"""For each call, how many nanoseconds a packet has waited for a service."""


class Machine:
    """The measures of this process; whenever they are taken, the memory guard sees them too."""

    def __init__(self, runner: Runner, lags: Lags) -> None:
        self._probes = Probes()
        self.cores = max(0.1, self._probes.cores)
        self.load = Load(self._probes, Clock(asyncio.get_running_loop()))
        self.load.listen(runner.policies.pressure)
        self._memory = MemoryGuard(partial(_shrink, runner.policies), _spare)
        self._resources = runner.resources
        self._seen: dict[int, tuple[int, int]] = {}
        """What each pool's callers had waited, and how many they were."""
        self._lags = lags

    def measure(self) -> Measures:
        """As they are now."""
        load, queue = self.load, max(self._lags(), default=0)
        wait = max(self._resources.scheduler.statistics().oldest, *self._waits(), 0)
        self._memory.look(load.memory)
        return Measures(load.lag_ms, load.cpu, load.memory, wait / SECOND, queue / SECOND)

    def shares(self) -> list[Share]:
        """The cores, and each pool of a model."""
        pools = (Share(f"{loaded.use} ({number})", pool.active, pool.most) for number, loaded, pool in self._pools())
        return [Share(PROCESSOR, self.load.cpu * self.cores, self.cores), *pools]

    def _pools(self) -> Iterable[tuple[int, Loaded, PoolStatistics]]:
        return ((n, loaded, loaded.pool.statistics()) for n, loaded in enumerate(self._resources.loaded(), 1))

    def _waits(self) -> Iterable[float]:
        """For each pool, how long callers have waited for a member since this was asked last, on average."""
        for number, _, pool in self._pools():
            waited, requests = self._seen.get(number, (0, 0))
            self._seen[number] = pool.waited, pool.requests
            yield (pool.waited - waited) / max(1, pool.requests - requests)

    def close(self) -> None:
        """Ends it."""
        self._memory.close()
        self.load.stop()
        self._probes.close()


class Upkeep:
    """Made in the running loop; `stop` it at the end."""

    def __init__(self, settings: Settings, runner: Runner, calls: Callable[[], Crowd], lags: Lags) -> None:
        self._machine = Machine(runner, lags)
        self._admission = Admission(settings.thresholds, self._machine, calls)
        self._health = Health(
            runner.resources, runner.policies, every=seconds(settings.health or _NEVER), changed=_tell_change
        )
        if settings.health:
            self._health.start()
        self._machine.load.start()
        self._admission.start()

    def look_after(self, plan: Plan) -> None:
        """Watches over those who serve a graph, as it is now."""
        self._health.add(plan)

    def taken(self, plan: Plan) -> None:
        """One more call was taken."""
        self._admission.take(heavy=has_models(plan))

    def refusal(self, plan: Plan | None) -> Refused | None:
        """Why a call of that graph could not be taken now; None: it could."""
        if plan is not None and (nobody := unserviceable_nodes(self._health.report(plan.graph.path))):
            return Refused("it is out of order just now", f"nobody is well who serves {', '.join(nobody)}", _OUTAGE)
        return self._admission.refusal(heavy=has_models(plan))

    def degraded(self) -> list[MemberHealth]:
        """Those who cannot do their work, though others may do it for them."""
        return [member for member in self._health.report() if not member.able]

    async def stop(self) -> None:
        """Ends all of it."""
        self._admission.stop()
        self._machine.close()
        await self._health.stop()


def _shrink(policies: PolicyStore) -> None:
    for cache in policies.caches():
        cache.clear_expired()
        cache.shrink(_SMALL)


def _spare(tight: bool) -> None:
    PoolSpec.sparing = tight


def has_models(plan: Plan | None) -> bool:
    """Whether calls of that graph are heavy; what is not known costs what models do."""
    if plan is None:
        return True
    members = (member.node for node in plan.nodes.values() for member in node.members)
    return any(issubclass(member, Service) and member.resources for member in members)


def _tell_change(before: MemberHealth, after: MemberHealth) -> None:
    if after.state == "down":
        log.warning("%s (%s) is not well: %s", after.node, after.use, after.message)
    elif not before.able:
        log.warning("%s (%s) is well again", after.node, after.use)
