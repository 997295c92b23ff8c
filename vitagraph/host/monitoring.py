"""Monitoring: what the host watches while it takes calls, namely this process and the members of its graphs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import count

from pipeline.clock import Clock
from pipeline.compute.resources import Resources
from pipeline.compute.statistics import PoolStatistics
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.observe.load import Load, Machine
from pipeline.observe.probes import Probes
from pipeline.packet import SECOND
from pipeline.params import seconds
from pipeline.runtime.health import Health, MemberHealth, unserviceable_nodes
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import AdmissionControl, Measures, Refusal
from vitagraph.host.headroom import PROCESSOR, CallCounts, SharedResource
from vitagraph.host.memory_guard import MemoryGuard
from vitagraph.host.settings import HostSettings

log = logging.getLogger(__name__)

_CACHE_SHARE = 0.25
"""The share of its size that a cache keeps while memory is short."""
_NEVER = 1e6
"""Seconds between two probes when probing is off."""
_OUTAGE = 30
"""Seconds after which an unhealthy member may have recovered."""

Lags = Callable[[], Iterable[int]]
"""For each call, the nanoseconds that a packet has waited for a service."""


class ProcessMeter:
    """Measures this process and its model pools; each measurement also updates the memory guard."""

    def __init__(self, runner: Runner, lags: Lags, machine: Machine) -> None:
        self.load = Load(machine, Clock(asyncio.get_running_loop()))
        self._cores = max(0.1, machine.cores)
        self.load.listen(runner.policies.pressure)
        self.memory_guard = MemoryGuard(
            partial(_shrink, runner.policies), partial(_economise, runner.resources), lambda step: self.on_memory(step)
        )
        self.on_memory: Callable[[str], None] = lambda step: None
        """Called with each step of the clean-up of memory."""
        self._resources = runner.resources
        self._names: dict[Hashable, str] = {}
        """The pools by the keys of their resources."""
        self._yielding: set[Hashable] = set()
        """Keys of models that leave their work to others while the machine is loaded."""
        self._waited: dict[str, tuple[int, int]] = {}
        """For each pool, the nanoseconds its callers have waited so far, and their number."""
        self._lags = lags

    def measure(self) -> Measures:
        """The measures now; waits for an instance are averaged since the last call."""
        load, queue = self.load, max(self._lags(), default=0)
        wait = max(self._resources.scheduler.statistics().oldest, *self._waits(), 0)
        self.memory_guard.update(load.memory)
        return Measures(load.lag_ms, self._cores_used() / self._cores, load.memory, wait / SECOND, queue / SECOND)

    def watch(self, plan: Plan) -> None:
        """Takes note of the models that a graph uses only while there is room for them."""
        self._yielding.update(_yielding(plan))

    def resources(self) -> list[SharedResource]:
        """The cores, and the pool of each loaded model; without those models for which no caller waits."""
        pools = self.pools()  # which names them
        spared = {self._names.get(key) for key in self._yielding}
        shared = (
            SharedResource(name, pool.active, pool.max_size) for name, pool in pools.items() if name not in spared
        )
        return [SharedResource(PROCESSOR, self._cores_used(), self._cores), *shared]

    def _cores_used(self) -> float:
        """Cores in use, without those that would be free if there were more to do."""
        loaded = self._resources.loaded()
        spared = sum(each.pool.statistics().active * each.threads for each in loaded if each.key in self._yielding)
        return max(0.0, self.load.cpu * self._cores - spared)

    def close(self) -> None:
        """Stops measuring."""
        self.memory_guard.close()
        self.load.stop()

    def pools(self) -> dict[str, PoolStatistics]:
        """Every pool by a name that stays the same while others come and go: its `use`, numbered if not unique."""
        loaded = self._resources.loaded()
        self._names = {each.key: self._names[each.key] for each in loaded if each.key in self._names}
        for each in loaded:
            if each.key not in self._names:
                names = (each.use if number == 1 else f"{each.use} ({number})" for number in count(1))
                self._names[each.key] = next(name for name in names if name not in self._names.values())
        return {self._names[each.key]: each.pool.statistics() for each in loaded}

    def _waits(self) -> list[float]:
        """For each pool, the mean nanoseconds that callers have waited for an instance since this was last called."""
        before, pools = self._waited, self.pools()
        self._waited = {name: (pool.waited, pool.requests) for name, pool in pools.items()}
        changes = ((self._waited[name], before.get(name, (0, 0))) for name in pools)
        return [(waited - old) / max(1, requests - seen) for (waited, requests), (old, seen) in changes]


class Monitoring:
    """Admission control and health probes of a host; runs from its making to `stop`, in the event loop."""

    def __init__(self, settings: HostSettings, runner: Runner, calls: Callable[[], CallCounts], lags: Lags) -> None:
        self._probes = Probes()
        self.meter = ProcessMeter(runner, lags, self._probes)
        self.admission = AdmissionControl(settings.thresholds, self.meter, calls)
        self._health = Health(
            runner.resources, runner.policies, every=seconds(settings.health or _NEVER), changed=_log_change
        )
        if settings.health:
            self._health.start()
        self.meter.load.start()
        self.admission.start()

    def watch(self, plan: Plan) -> None:
        """Probes the members of a graph from now on; a plan of the same file is replaced."""
        self._health.add(plan)
        self.meter.watch(plan)

    def refusal(self, plan: Plan | None) -> Refusal | None:
        """Why a call of a graph would not be taken now; None if it would."""
        if plan is not None and (nodes := unserviceable_nodes(self._health.report(plan.graph.path))):
            detail = f"no healthy member for {', '.join(nodes)}"
            return Refusal("it is out of order just now", detail, _OUTAGE, "unhealthy")
        return self.admission.refusal(heavy=has_models(plan))

    def degraded(self) -> list[MemberHealth]:
        """Members that cannot do their work, though a fallback may."""
        return [member for member in self._health.report() if not member.able]

    async def stop(self) -> None:
        """Stops everything it started."""
        self.admission.stop()
        self.meter.close()
        self._probes.close()
        await self._health.stop()


def has_models(plan: Plan | None) -> bool:
    """Whether calls of a graph are heavy; assumed while the graph is not planned yet."""
    if plan is None:
        return True
    members = (member.node for node in plan.nodes.values() for member in node.members)
    return any(issubclass(member, Service) and member.resources for member in members)


def _yielding(plan: Plan) -> Iterator[Hashable]:
    """The keys of models that serve some callers while a fallback serves all others, and nobody on a loaded machine."""
    for node in plan.nodes.values():
        limit, primary = node.limit, node.members[0]
        if limit is not None and limit.gives_way and len(node.members) > 1:
            for pooled in getattr(primary.node, "resources", {}).values():
                yield pooled.key(primary.params)


def _shrink(policies: PolicyStore) -> None:
    for cache in policies.caches():
        cache.clear_expired()
        cache.shrink(_CACHE_SHARE)


def _economise(resources: Resources, tight: bool) -> None:
    resources.scheduler.memory_pressure = tight


def _log_change(before: MemberHealth, after: MemberHealth) -> None:
    if after.state == "unhealthy":
        log.warning("%s (%s) is unhealthy: %s", after.node, after.use, after.message)
    elif not before.able:
        log.warning("%s (%s) is healthy again", after.node, after.use)
