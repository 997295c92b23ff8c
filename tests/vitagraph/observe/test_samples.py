"""What is read from the engine at a scrape, with a host that the test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from prometheus_client import CollectorRegistry

from nodes.packets import Audio
from nodes.webrtc.transport.peer import Peer, PeerStatistics
from pipeline.cause import Causes
from pipeline.compute.job_context import Lane
from pipeline.compute.statistics import PoolStatistics, SchedulerStatistics
from pipeline.graph.plan import Plan
from pipeline.packet import MILLISECOND, Queue, Stamp
from pipeline.policies.breaker import Breaker
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.session import Session
from tests.growth import check_within
from tests.vitagraph.host.dialling import SCRIPTED, scripted
from tests.vitagraph.observe.reading import families, labels_of, value
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.observe.counted import CountedMetrics
from vitagraph.observe.samples import EngineSamples, HostState, LiveCall, Sources

T = TypeVar("T")
CHAINED = SCRIPTED.replace(
    "tests.vitagraph.host.dialling_nodes:Beeper",
    "{use: tts.espeak, fallback: 'tests.vitagraph.host.dialling_nodes:Beeper', cache: {size: 1MB}}",
)
STATISTICS = PeerStatistics(
    received=100, lost=3, late=2, duplicates=0, rejected=0, malformed=0, concealed_ms=60.0, silence_ms=0.0,
    wait_ms=20.0, gap_ms=80.0, sent=0, dropped=0, refused={}, direct=True,
)  # fmt: skip


class FakePeer(Peer):
    """Only counts."""

    def __init__(self, seen: PeerStatistics) -> None:
        self.seen = seen

    def statistics(self) -> PeerStatistics:
        return self.seen


@dataclass
class FakeHost:
    """Sources that the test sets."""

    calls: list[LiveCall] = field(default_factory=list)
    policies: PolicyStore = field(default_factory=PolicyStore)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    pools: dict[str, PoolStatistics] = field(default_factory=dict)

    def __post_init__(self) -> None:
        state = HostState(
            seats_free=7, ready=True, lag=0.004, blocked=1.5, memory=0.25, cpu=0.5, memory_step=2, stalls=3
        )
        started: dict[Lane, int] = {"high": 10, "normal": 30, "low": 0}
        waited: dict[Lane, int] = {"high": 0, "normal": 1500 * MILLISECOND, "low": 0}
        cores = SchedulerStatistics(2, 1, 1, {"high": 0, "normal": 3, "low": 1}, 0, 0, 0.5, started, waited, 39, 0, 0)
        sources = Sources(lambda: self.calls, lambda: self.pools, lambda: cores, lambda: state)
        self.samples = EngineSamples(sources, self.policies)
        self.registry.register(self.samples)

    def value(self, name: str, **labels: str) -> float:
        """One sample."""
        return value(self.registry, name, **labels)


def link(name: str, packets: int) -> Link:
    """A link of two places that got so many packets."""
    made = make_link(name, Queue(count=2, full="drop_oldest"), lambda: 0)
    at = Stamp(0, 0, Causes().root)
    for _ in range(packets):
        made.push(Audio(at, cast(Any, None), 16_000))
    return made


def call(*links: Link, seen: PeerStatistics = STATISTICS, fallbacks: tuple[str, ...] = ()) -> LiveCall:
    """A call with these links."""
    session = SimpleNamespace(is_open=True, wiring=SimpleNamespace(links=dict(enumerate(links))))
    return LiveCall("scripted", cast(Session, session), FakePeer(seen), fallbacks)


def plan_of(folder: Path, text: str = CHAINED) -> Plan:
    """The plan of a graph of the test."""
    return GraphCatalogue(scripted(folder, text=text)).plan("scripted")


def in_loop(scene: Callable[[FakeHost], Awaitable[T]]) -> T:
    """Plays a scene with a host."""

    async def main() -> T:
        return await scene(FakeHost())

    return asyncio.run(main())


def test_samples_add_up_the_links_and_packets_of_all_calls() -> None:
    """Totals stay when a call ends."""
    host = FakeHost()
    host.calls = [call(link("a -> b", 5)), call(link("a -> b", 1), seen=replace(STATISTICS, lost=1, wait_ms=40.0))]
    assert host.value("link_depth", link="a -> b") == 3
    assert host.value("link_drops_total", link="a -> b") == 3
    assert host.value("rtp_packets_received_total") == 200
    assert host.value("rtp_packets_lost_total") == 4
    assert host.value("audio_concealed_seconds_total") == pytest.approx(0.12)
    assert host.value("audio_gap_seconds_total") == pytest.approx(0.16)
    assert host.value("jitter_buffer_wait_seconds", statistic="max") == pytest.approx(0.04)
    assert host.value("jitter_buffer_wait_seconds", statistic="mean") == pytest.approx(0.03)
    host.samples.ended(host.calls.pop(0))
    assert host.value("link_depth", link="a -> b") == 1
    assert host.value("link_drops_total", link="a -> b") == 3
    assert host.value("rtp_packets_lost_total") == 4


def test_samples_skip_a_session_that_is_not_open() -> None:
    """A scrape while a call begins."""
    host = FakeHost()
    host.calls = [replace(call(), session=None), replace(call(), session=cast(Session, SimpleNamespace(is_open=False)))]
    assert labels_of(host.registry, "link_depth", "link") == set()


def test_samples_show_pools_and_cores() -> None:
    """In seconds and in instances."""
    host = FakeHost()
    host.pools["asr.whisper"] = PoolStatistics(1, 2, 1, 1, 0, 30, 0, 0, 600 * MILLISECOND, 0, 1, 0, 0)
    assert host.value("pool_in_use", pool="asr.whisper") == 1
    assert host.value("pool_size", pool="asr.whisper") == 2
    assert host.value("pool_wait_seconds_sum", pool="asr.whisper") == pytest.approx(0.6)
    assert host.value("pool_wait_seconds_count", pool="asr.whisper") == 30
    assert host.value("compute_wait_seconds_sum", lane="normal") == pytest.approx(1.5)
    assert host.value("compute_wait_seconds_count", lane="high") == 10
    assert host.value("memory_step") == 2
    assert host.value("compute_queue", lane="normal") == 3
    assert (host.value("seats_free"), host.value("ready"), host.value("loop_blocked_seconds_total")) == (7, 1, 1.5)


def test_samples_show_chains_breakers_and_caches(tmp_path: Path) -> None:
    """From 0 on, so that an alert sees the change."""

    async def scene(host: FakeHost) -> None:
        plan = await asyncio.to_thread(plan_of, tmp_path)
        await asyncio.to_thread(host.policies.prepare, plan)
        host.samples.watch("scripted", plan)
        assert host.value("sessions", graph="scripted") == 0
        assert host.value("fallback_active", node="tts") == 0
        assert host.value("breaker_state", node="tts", member="tts.espeak") == 0
        breaker = _breaker(host, plan)
        for _ in range(20):
            breaker.failed(breaker.ticket, RuntimeError())
        assert host.value("breaker_state", node="tts", member="tts.espeak") == 2
        host.calls = [call(fallbacks=("tts",)), call()]
        assert host.value("sessions", graph="scripted") == 2
        assert host.value("fallback_active", node="tts") == 1
        host.samples.begin(plan)
        (cache,) = host.policies.caches()

        async def make() -> list[Any]:
            return []

        for _ in range(3):
            await cache.get_or_make("hello", make)
        assert host.value("cache_requests_total", node="tts", level="memory", result="hit") == 2
        assert host.value("cache_requests_total", node="tts", level="memory", result="miss") == 1
        assert labels_of(host.registry, "cache_requests_total", "level") == {"memory"}
        assert host.value("cache_errors_total", node="tts") == 0
        await host.policies.close()

    in_loop(scene)


def test_metrics_of_a_hundred_calls_are_read_quickly() -> None:
    """They are read in the event loop, which must not be late with sound; the text is written in a thread."""
    host = FakeHost()
    CountedMetrics(host.registry).watch([f"node {number}" for number in range(30)], [])
    host.calls = [call(*(link(f"{number} -> {number + 1}", 2) for number in range(8))) for _ in range(100)]
    check_within(lambda: list(host.registry.collect()), 0.01, "a scrape")
    assert {family.name for family in families(host.registry)} >= {"vitagraph_link_depth"}


def _breaker(host: FakeHost, plan: Plan) -> Breaker:
    member = next(each for each in plan.nodes["tts"].members if each.use == "tts.espeak")
    return host.policies.of_member(member).breaker
