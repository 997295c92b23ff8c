"""The effect of each fault on one node of a running session, and on no other."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest

from nodes.packets import TextDelta
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.compute.pool import Pooled
from pipeline.errors import GraphError, Location, NodeError
from pipeline.events import NodeFailed, NodeRetries
from pipeline.graph.plan import Plan
from pipeline.node import Context, Service, Sink, Source, Transform
from pipeline.packet import Packet
from pipeline.params import NoParams, seconds
from pipeline.policies.spec import CacheSpec, LimitSpec
from pipeline.port import Input, Output
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import root_stamp
from tests.pipeline.kit import member, planned, run
from vitagraph.chaos.inject import UNREACHABLE_REDIS, inject_faults
from vitagraph.chaos.spec import Chaos, FaultSpec

LOADED: list[int] = []


class Talks(Source[NoParams]):
    """Sends a word per second, for ten seconds."""

    out = Output(TextDelta)

    async def run(self) -> AsyncIterator[TextDelta]:
        for number in range(10):
            await self.clock.sleep_until(seconds(number))
            yield TextDelta(root_stamp(), f"w{number}")


class Shouts(Transform[NoParams]):
    """Converts to capitals."""

    into = Input(TextDelta)
    out = Output(TextDelta)

    @into.each
    def shout(self, delta: TextDelta) -> Iterable[TextDelta]:
        yield TextDelta(delta.at, delta.text.upper())


class Twice(Service[NoParams]):
    """Sends each word twice."""

    engine = Pooled(lambda _: LOADED.append(1), key=lambda _: "twice")
    into = Input(TextDelta)
    out = Output(TextDelta)

    @into.each
    async def say(self, delta: TextDelta) -> AsyncIterator[TextDelta]:
        yield delta
        yield delta

    def requires_output(self, packet: Packet) -> bool:
        return True

    def counts_as_output(self, output: Packet) -> bool:
        return isinstance(output, TextDelta) and bool(output.text)

    async def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[TextDelta]:
        assert isinstance(packet, TextDelta)
        yield packet


class Spare(Twice):
    """The fallback."""


class TranscriptUpdate(Sink[NoParams]):
    """Records arrivals; `into` is set by the test."""

    words = Input(TextDelta)
    into: list[tuple[int, str]]

    @words.each
    async def keep(self, delta: TextDelta) -> None:
        self.into.append((self.clock.now() // seconds(1), delta.text))


def the_plan(heard: list[tuple[int, str]]) -> Plan:
    class Keeps(TranscriptUpdate):
        into = heard

    nodes: Any = {
        "source": Talks,
        "shouts": Shouts,
        "twice": [member(Twice, "first"), member(Spare, "second")],
        "sink": Keeps,
    }
    return planned(nodes, "source -> shouts -> twice -> sink")


class Seen:
    """The result of a session with these faults."""

    def __init__(self, *faults: FaultSpec) -> None:
        self.heard: list[tuple[int, str]] = []
        self.failed: list[NodeFailed] = []
        self.retried: list[NodeRetries] = []
        LOADED.clear()
        self.report = run(inject_faults(the_plan(self.heard), Chaos(faults)), prepare=self._prepare)

    def _prepare(self, session: Session) -> None:
        session.bus.of(NodeFailed).subscribe(self.failed.append)
        session.bus.of(NodeRetries).subscribe(self.retried.append)

    @property
    def words(self) -> str:
        """All words, in one line."""
        return " ".join(text or "-" for _, text in self.heard)


CALM = "W0 W0 W1 W1 W2 W2 W3 W3 W4 W4 W5 W5 W6 W6 W7 W7 W8 W8 W9 W9"


def fault(node: str, what: Any, begin: float = 3, until: float = 5, **more: Any) -> FaultSpec:
    return FaultSpec(node=node, fault=what, begin=seconds(begin), until=seconds(until), **more)


def test_inject_faults_without_faults_returns_the_same_plan() -> None:
    made = the_plan([])
    assert inject_faults(made, Chaos(())) is made
    assert Seen().words == CALM


def test_inject_faults_changes_only_the_named_member() -> None:
    """And the engine still sees its name and class."""
    made = the_plan([])
    first, second = inject_faults(made, Chaos((fault("twice", "hang", member=1),))).nodes["twice"].members
    assert first is made.nodes["twice"].members[0]
    assert issubclass(second.node, Spare) and second.node is not Spare and second.use == "second"
    assert second.node.handlers.keys() == Spare.handlers.keys() and second.node.resources == Spare.resources


@pytest.mark.parametrize(
    ("what", "more", "words"),
    [
        ("error", {}, "it failed (injected fault: unknown)"),
        ("error", {"category": "resource"}, "it failed (injected fault: resource)"),
        ("no_output", {}, "produced no usable output"),
        ("crash", {}, "out of memory"),
    ],
)
def test_fault_error_is_covered_by_the_fallback_while_it_lasts(what: str, more: dict[str, Any], words: str) -> None:
    """Two packets of two seconds."""
    seen = Seen(fault("twice", what, **more))
    assert seen.words == CALM
    assert [(event.pts // seconds(1), event.answered_by) for event in seen.failed] == [(3, "second"), (4, "second")]
    assert all(words in event.message for event in seen.failed)


def test_fault_crash_breaks_the_pool_instance() -> None:
    """The pool must create a new instance, as after a real crash."""
    assert not Seen().failed and len(LOADED) <= 1
    seen = Seen(fault("twice", "crash"))
    assert len(LOADED) >= 1 and seen.words == CALM


def test_fault_latency_delays_the_member() -> None:
    seen = Seen(fault("twice", "latency", latency=seconds(0.5)))
    assert seen.words == CALM and not seen.failed
    seen = Seen(fault("twice", "latency", latency=seconds(2)))
    assert (5, "W3") in seen.heard and (2, "W2") in seen.heard


def test_fault_too_many_is_a_network_error_with_retry_after() -> None:
    seen = Seen(fault("twice", "too_many", latency=seconds(9)))
    assert {event.category for event in seen.failed} == {"network"} and "429" in seen.failed[0].message


def test_fault_empty_output_does_not_count_as_output() -> None:
    seen = Seen(fault("twice", "empty"))
    assert "produced no usable output" in seen.failed[0].message
    assert seen.words.replace("- ", "") == CALM


def test_fault_stall_comes_after_the_first_output_and_hang_before() -> None:
    """Deadlines end it, and the fallback continues midway."""
    kit_deadline = inject_faults(the_plan([]), Chaos((fault("twice", "stall"),)))
    assert kit_deadline.nodes["twice"].members[0].deadline.first is None, "these tests have no deadlines"
    for what, before in (("stall", "W0 W0 W1 W1 W2 W2 W3"), ("hang", "W0 W0 W1 W1 W2 W2")):
        seen = Seen(fault("twice", what))
        assert seen.words == before and seen.report.ended == "drained late"


def test_fault_load_error_is_retried_until_the_load_succeeds() -> None:
    seen = Seen(fault("twice", "load_error", 0, 5))
    assert seen.words == CALM and [event.answered_by for event in seen.failed] == ["second"]


def test_fault_slow_load_delays_the_load() -> None:
    """The session's clock starts when all nodes are open."""
    assert Seen(fault("twice", "slow_load", 0, 5, latency=seconds(2))).words == CALM


def test_fault_error_in_a_transform_drops_its_packets() -> None:
    seen = Seen(fault("shouts", "error"))
    assert seen.words == "W0 W0 W1 W1 W2 W2 W5 W5 W6 W6 W7 W7 W8 W8 W9 W9"
    assert [event.node for event in seen.failed] == ["shouts", "shouts"]


def test_fault_no_output_of_a_source_ends_after_its_window() -> None:
    assert Seen(fault("source", "no_output")).words == "W0 W0 W1 W1 W2 W2 W5 W5 W6 W6 W7 W7 W8 W8 W9 W9"
    words = Seen(fault("source", "empty")).words
    assert words.replace("- ", "") == "W0 W0 W1 W1 W2 W2 W5 W5 W6 W6 W7 W7 W8 W8 W9 W9"


def test_fault_in_a_sink_delays_or_fails_it() -> None:
    assert (5, "W3") in Seen(fault("sink", "latency", latency=seconds(2))).heard
    assert Seen(fault("sink", "error")).words == "W0 W0 W1 W1 W2 W2 W5 W5 W6 W6 W7 W7 W8 W8 W9 W9"


def test_fault_clock_jump_happens_once() -> None:
    """It concerns all nodes: the clock is the session's."""
    seen = Seen(fault("twice", "clock_jump", latency=seconds(4)))
    assert seen.words == CALM and not seen.failed
    assert [at for at, _ in seen.heard][::2] == [0, 1, 2, 7, 8, 8, 8, 8, 8, 9]


def test_fault_chance_is_reproducible() -> None:
    """A failed drill must fail again for debugging."""
    struck = [[event.pts for event in Seen(fault("twice", "error", 0, 10, chance=0.5)).failed] for _ in range(2)]
    assert struck[0] == struck[1] and 0 < len(struck[0]) < 10


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (FaultSpec(node="twise", fault="hang"), ["no node `twise`", "did you mean `twice`?"]),
        (FaultSpec(node="twice", fault="hang", member=2), ["no member 2", "0 (first), 1 (second)"]),
        (FaultSpec(node="shouts", fault="hang"), ["the fault `hang` does not apply to `shouts`", "is not a service"]),
        (FaultSpec(node="source", fault="crash"), ["is not a service"]),
        (FaultSpec(node="sink", fault="no_output"), ["is not a service"]),
        (FaultSpec(node="twice", fault="redis_away"), ["has neither a limit nor a cache"]),
    ],
)
def test_fault_that_does_not_fit_the_graph_is_reported(spec: FaultSpec, words: list[str]) -> None:
    with pytest.raises(GraphError) as error:
        inject_faults(the_plan([]), Chaos((spec,), places=(Location("chaos.yaml", 2, 5),)))
    assert str(error.value).startswith("chaos.yaml:2:5:") and all(each in str(error.value) for each in words)


def test_fault_redis_away_affects_only_the_named_node() -> None:
    made, shared = the_plan([]), "redis://store:6379/0"
    policies: Any = {"limit": LimitSpec(concurrent=2, shared=shared), "cache": CacheSpec(shared=shared)}
    graph = dataclasses.replace(
        made.graph, nodes={name: dataclasses.replace(spec, **policies) for name, spec in made.graph.nodes.items()}
    )
    planned = {name: dataclasses.replace(node, **policies) for name, node in made.nodes.items()}
    made = dataclasses.replace(made, graph=graph, nodes=planned)
    nodes = inject_faults(made, Chaos((FaultSpec(node="twice", fault="redis_away"),))).nodes
    for name, url in (("twice", UNREACHABLE_REDIS), ("shouts", shared)):
        limit, cache = nodes[name].limit, nodes[name].cache
        assert limit is not None and cache is not None and (limit.shared, cache.shared) == (url, url)


def test_fault_makes_the_health_probe_fail_too() -> None:
    """Otherwise a health check would call a mute voice healthy."""

    async def probed(what: Any) -> bool:
        plan = inject_faults(the_plan([]), Chaos((FaultSpec(node="twice", fault=what),)))
        node = plan.nodes["twice"].members[0].node(NoParams())
        assert isinstance(node, Service)
        clock, causes = Clock(asyncio.get_running_loop()), Causes()
        node.start(Context("twice", clock, causes, lambda _: None, lambda _: None))
        try:
            await node.probe()
        except NodeError:
            return False
        return True

    assert [run_virtual(probed(what)) for what in ("error", "empty", "stall", "too_many", "slow_load")] == [
        False, False, False, False, True,
    ]  # fmt: skip
