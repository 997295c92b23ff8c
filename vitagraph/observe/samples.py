"""Metrics that are read from the engine at each scrape: links, pools, cores, breakers, caches, packets.

Nothing on the path of a packet knows of them. Counters of calls that have ended are kept as
sums, so that no total falls when a call ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.peer import Peer, PeerStatistics
from pipeline.compute.statistics import PoolStatistics, SchedulerStatistics
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.observe.durations import Durations
from pipeline.packet import SECOND
from pipeline.policies.cache import Cache
from pipeline.runtime.link import Link
from pipeline.runtime.policy_store import MemberPolicy, PolicyStore
from pipeline.runtime.session import Session
from vitagraph.observe.counted import PREFIX

BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}
"""The values of `breaker_state`; for members of a node with the same `use`, the highest counts."""

_PACKETS = {
    "rtp_packets_received": "Packets of sound that came from callers.",
    "rtp_packets_lost": "Packets of sound that did not come in time.",
    "rtp_packets_late": "Packets of sound that came after their gap was concealed.",
    "audio_concealed_seconds": "Sound that was made up in place of lost packets.",
    "audio_gap_seconds": "For how long sounds to callers stood still in the middle because packets went out late.",
}


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A running call, as far as it is read."""

    graph: str
    session: Session | None
    """None until it runs."""
    transport: CallTransport
    fallbacks: Collection[str]
    """Nodes whose work is done by another member than the primary."""


@dataclass(frozen=True, slots=True)
class HostState:
    """What only the host knows; durations in seconds."""

    seats_free: int
    ready: bool
    """Whether a call of the default graph would be taken."""
    lag: float
    blocked: float
    memory: float
    """The share that is used of what the process may use, 0 to 1; so is `cpu`."""
    cpu: float
    memory_step: int
    """How far the clean-up of memory has gone: 0 to 4, see `MemoryGuard`."""
    stalls: int
    """How often the event loop was blocked for over 50 ms."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the samples come from; each is called once a scrape, from the event loop."""

    calls: Callable[[], Collection[LiveCall]]
    pools: Callable[[], Mapping[str, PoolStatistics]]
    """By the name of the pool."""
    scheduler: Callable[[], SchedulerStatistics]
    host: Callable[[], HostState]


class EngineSamples(Collector):
    """The collector of all metrics that are read and not counted; for the event loop only."""

    def __init__(self, sources: Sources, policies: PolicyStore) -> None:
        self._sources = sources
        self._policies = policies
        self._graphs: dict[str, None] = {}
        self._members: dict[Path, list[tuple[str, str, MemberPolicy]]] = {}
        """Node, `use` and policy of each member of a service, by graph."""
        self._chains: dict[Path, list[str]] = {}
        """Nodes that have fallbacks, by graph."""
        self._caches: dict[Cache[Any], tuple[str, bool]] = {}
        """The node of each, and whether it is shared."""
        self._drops: Counter[str] = Counter()
        """Of the links of calls that have ended."""
        self._packets: dict[str, float] = dict.fromkeys(_PACKETS, 0.0)
        """Of the transports of those calls."""

    def watch(self, graph: str, plan: Plan) -> None:
        """Reads the breakers of a graph's members from now on; a plan of the same file is replaced."""
        self._graphs[graph] = None
        services = [each for each in plan.nodes.values() if issubclass(each.members[0].node, Service)]
        self._members[plan.graph.path] = [
            (node.name, member.use, self._policies.of_member(member)) for node in services for member in node.members
        ]
        self._chains[plan.graph.path] = [node.name for node in plan.nodes.values() if len(node.members) > 1]

    def begin(self, plan: Plan) -> None:
        """A call of a graph begins, for which its caches are there."""
        for node in plan.nodes.values():
            if node.cache is not None:
                policy = self._policies.of_node(plan.graph.path, node, None)
                if policy.cache is not None:
                    self._caches[policy.cache.cache] = (node.name, bool(node.cache.shared))

    def ended(self, call: LiveCall) -> None:
        """Keeps the totals of a call that is in `calls` no more."""
        self._drops.update(_drops(call))
        if isinstance(call.transport, Peer):
            _add(self._packets, call.transport.statistics())

    def describe(self) -> list[Metric]:
        """Nothing: reading is not possible before the host runs."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now."""
        calls = self._sources.calls()
        yield from self._of_calls(calls)
        yield from self._of_links(calls)
        yield from self._of_packets(calls)
        yield from _of_pools(self._sources.pools())
        yield from _of_scheduler(self._sources.scheduler())
        yield from self._of_policies(calls)
        yield from self._of_first_outputs()
        yield from self._of_redis()
        yield from self._of_caches()
        yield from _of_host(self._sources.host())

    def _of_calls(self, calls: Collection[LiveCall]) -> Iterator[Metric]:
        running = Counter(call.graph for call in calls)
        sessions = _gauge("sessions", "Calls that are running.", "graph")
        for graph in self._graphs:
            sessions.add_metric([graph], running[graph])
        yield sessions

    def _of_links(self, calls: Collection[LiveCall]) -> Iterator[Metric]:
        depths: Counter[str] = Counter()
        ages: dict[str, int] = {}
        drops = Counter(self._drops)
        for call in calls:
            for link in _links(call):
                drops[link.name] += link.dropped
                if waiting := len(link.items):  # seldom: the links of a host that keeps up are empty
                    depths[link.name] += waiting
                    ages[link.name] = max(ages.get(link.name, 0), link.statistics().age)
        depth = _gauge("link_depth", "Packets that wait in the links of all calls.", "link")
        age = _gauge("link_age_seconds", "The longest that a packet has waited in such a link, at most.", "link")
        dropped = _counter("link_drops", "Packets that were lost because a link was full.", "link")
        for name, count in drops.items():
            depth.add_metric([name], depths[name])
            age.add_metric([name], ages.get(name, 0) / SECOND)
            dropped.add_metric([name], count)
        yield from (depth, age, dropped)

    def _of_packets(self, calls: Collection[LiveCall]) -> Iterator[Metric]:
        totals, waits, jitters = dict(self._packets), list[float](), list[float]()
        for transport in (call.transport for call in calls):
            if isinstance(transport, Peer):
                seen = transport.statistics()
                _add(totals, seen)
                waits.append(seen.wait_ms / 1000)
                jitters.append(seen.jitter_ms / 1000)
        for name, meaning in _PACKETS.items():
            yield CounterMetricFamily(PREFIX + name, meaning, value=totals[name])
        yield _mean_and_max("jitter_buffer_wait_seconds", "How long buffers would wait for a missing packet.", waits)
        yield _mean_and_max("rtp_jitter_seconds", "The interarrival jitter of RFC 3550 of the calls.", jitters)

    def _of_policies(self, calls: Collection[LiveCall]) -> Iterator[Metric]:
        states: dict[tuple[str, str], int] = {}
        for node, member, policy in self._policies_of_members():
            states[node, member] = max(states.get((node, member), 0), BREAKER_STATES[policy.breaker.state])
        state = _gauge("breaker_state", "Circuit breakers: 0 closed, 1 half open, 2 open.", "node", "member")
        for (node, member), value in states.items():
            state.add_metric([node, member], value)
        yield state
        served = Counter(node for call in calls for node in call.fallbacks)
        fallback = _gauge("fallback_active", "Calls in which a fallback does the work of a node.", "node")
        for node in sorted({*served, *(node for nodes in self._chains.values() for node in nodes)}):
            fallback.add_metric([node], served[node])
        yield fallback

    def _of_first_outputs(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            PREFIX + "node_first_output_seconds",
            "How long members took from a packet to their first output for it.",
            labels=["node", "member"],
        )
        seen: dict[tuple[str, str], list[Durations]] = {}
        for node, member, policy in self._policies_of_members():
            known = seen.setdefault((node, member), [])
            if policy.first_output not in known:
                known.append(policy.first_output)
        for labels, durations in seen.items():
            sums = Counter[str]()
            for each in durations:
                sums.update(dict(each.cumulative()))
            family.add_metric(labels, list(sums.items()), sum(each.total for each in durations) / SECOND)
        yield family

    def _policies_of_members(self) -> Iterator[tuple[str, str, MemberPolicy]]:
        return chain.from_iterable(self._members.values())

    def _of_redis(self) -> Iterator[Metric]:
        there = self._policies.redis_is_there()
        up = _gauge("redis_up", "Whether the Redis of limits and caches answers; absent where none is used.")
        if there is not None:
            up.add_metric([], int(there))
        yield up

    def _of_caches(self) -> Iterator[Metric]:
        counts: Counter[tuple[str, str, str]] = Counter()
        errors: Counter[str] = Counter()
        for cache, (node, shared) in self._caches.items():
            seen = cache.statistics
            counts[node, "memory", "hit"] += seen.memory_hits
            counts[node, "memory", "joined"] += seen.joined
            counts[node, "memory", "miss"] += seen.shared_hits + seen.misses
            if shared:
                counts[node, "shared", "hit"] += seen.shared_hits
                counts[node, "shared", "miss"] += seen.misses
            errors[node] += seen.errors
        requests = _counter("cache_requests", "Look-ups in caches.", "node", "level", "result")
        for labels, count in counts.items():
            requests.add_metric(labels, count)
        failed = _counter("cache_errors", "Values not made or read, and failed calls of a shared store.", "node")
        for node, count in errors.items():
            failed.add_metric([node], count)
        yield from (requests, failed)


def _links(call: LiveCall) -> Iterable[Link]:
    return call.session.wiring.links.values() if call.session is not None and call.session.is_open else ()


def _drops(call: LiveCall) -> Counter[str]:
    drops: Counter[str] = Counter()
    for link in _links(call):
        drops[link.name] += link.dropped
    return drops


def _add(totals: dict[str, float], seen: PeerStatistics) -> None:
    """Adds the packets of one call, in the order of `_PACKETS`."""
    counts = (seen.received, seen.lost, seen.late, seen.concealed_ms / 1000, seen.gap_ms / 1000)
    for name, count in zip(_PACKETS, counts, strict=True):
        totals[name] += count


def _of_pools(pools: Mapping[str, PoolStatistics]) -> Iterator[Metric]:
    in_use = _gauge("pool_in_use", "Instances of a model, or connections, that are in use.", "pool")
    size = _gauge("pool_size", "Instances that the pool may have.", "pool")
    waits = SummaryMetricFamily(PREFIX + "pool_wait_seconds", "Waits of callers for an instance.", labels=["pool"])
    for name, pool in pools.items():
        in_use.add_metric([name], pool.active)
        size.add_metric([name], pool.max_size)
        waits.add_metric([name], pool.requests, pool.waited / SECOND)
    yield from (in_use, size, waits)


def _of_scheduler(seen: SchedulerStatistics) -> Iterator[Metric]:
    waits = SummaryMetricFamily(PREFIX + "compute_wait_seconds", "Waits of jobs for cores.", labels=["lane"])
    for lane, started in seen.started.items():
        waits.add_metric([lane], started, seen.waited[lane] / SECOND)
    yield waits
    queued = _gauge("compute_queue", "Jobs that wait for cores.", "lane")
    for lane, count in seen.queued.items():
        queued.add_metric([lane], count)
    yield queued


def _of_host(host: HostState) -> Iterator[Metric]:
    for name, meaning, value in (
        ("seats_free", "Calls that --calls leaves room for.", host.seats_free),
        ("ready", "Whether a call of the default graph would be taken: 1 or 0.", int(host.ready)),
        ("loop_lag_seconds", "How late the event loop is, averaged over about a second.", host.lag),
        ("memory_used_ratio", "The share of its memory that the process uses, 0 to 1.", host.memory),
        ("memory_step", "How far the clean-up of memory has gone, 0 to 4.", host.memory_step),
        ("cpu_used_ratio", "The share of its cores that the process uses, 0 to 1.", host.cpu),
    ):
        yield GaugeMetricFamily(PREFIX + name, meaning, value=value)
    yield CounterMetricFamily(
        PREFIX + "loop_stalls", "How often the event loop was blocked for over 50 ms.", value=host.stalls
    )
    yield CounterMetricFamily(
        PREFIX + "loop_blocked_seconds", "For how long the event loop was blocked for over 50 ms.", value=host.blocked
    )


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, meaning, labels=labels)


def _mean_and_max(name: str, meaning: str, values: Sequence[float]) -> GaugeMetricFamily:
    family = _gauge(name, meaning, "statistic")
    family.add_metric(["mean"], sum(values) / max(1, len(values)))
    family.add_metric(["max"], max(values, default=0))
    return family


def _counter(name: str, meaning: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, meaning, labels=labels)
