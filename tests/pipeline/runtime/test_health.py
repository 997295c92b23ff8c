"""Health: whoever falls ill is found, whoever is well again is back within an interval, and nothing stops the looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.compute.errors import PoolExhausted
from pipeline.compute.pool import Pooled
from pipeline.errors import NetworkError, ResourceError
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.params import Params, ms, seconds
from pipeline.policies.breaker import Breaker
from pipeline.port import Input, Output
from pipeline.runtime.health import Health, MemberHealth, unserviceable_nodes
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import Item, Tap, make_runner, member, planned, settle, sink

EVERY = seconds(30)
GONE = NetworkError("nobody is there", hint="look for them")


@dataclass
class Ward:
    """What the members of a test are like, and what was seen of them; by their label."""

    ill: dict[str, Exception] = field(default_factory=dict)
    closed_doors: dict[str, Exception] = field(default_factory=dict)
    """What opening raises."""
    slow: dict[str, int] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    """Those whose probe cannot be cancelled."""
    probes: list[tuple[str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


WARD = Ward()


@pytest.fixture(autouse=True)
def ward() -> Ward:
    """A new one for each test."""
    WARD.__init__()  # type: ignore[misc]
    return WARD


class Label(Params):
    label: str = ""


class Plain(Service[Label]):
    """Has no probe."""

    into = Input(Item)
    out = Output(Item)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same."""
        yield item


class Probed(Plain):
    """As well as the ward says."""

    async def open(self) -> None:
        """Or not."""
        if error := WARD.closed_doors.get(self.params.label):
            raise error
        WARD.opened.append(self.params.label)

    async def probe(self) -> None:
        """Takes as long as the ward says."""
        label = self.params.label
        WARD.probes.append((label, self.clock.now()))
        due = self.clock.now() + WARD.slow.get(label, ms(5))
        while self.clock.now() < due:
            try:
                await self.clock.sleep_until(due)
            except asyncio.CancelledError:
                if label not in WARD.deaf:
                    raise
        if error := WARD.ill.get(label):
            raise error

    async def close(self) -> None:
        """Noted."""
        WARD.closed.append(self.params.label)


class Room:
    """A health in virtual time."""

    def __init__(self, *graphs: Plan, **settings: Any) -> None:
        self.policies = PolicyStore(Random(0))
        self.resources = make_runner().resources
        self.clock = Clock(asyncio.get_running_loop())
        self.told: list[tuple[str, str, str]] = []
        self.health = Health(
            self.resources, self.policies, every=EVERY, changed=self._changed, random=Random(0), **settings
        )
        for graph in graphs:
            self.health.add(graph)

    def _changed(self, before: MemberHealth, after: MemberHealth) -> None:
        self.told.append((after.use, before.state, after.state))

    def states(self) -> dict[str, str]:
        return {each.use: each.state for each in self.health.report()}

    def breaker(self, graph: Plan, place: int = 0) -> Breaker:
        return self.policies.of_member(graph.nodes["node"].members[place]).breaker


def graph(*labels: str, last: type[Service[Any]] | None = None, file: str = "graph.yaml") -> Plan:
    """A node with these members."""
    members = [member(Probed, label, label=label) for label in labels]
    members += [] if last is None else [member(last, last.__name__)]
    plan = planned({"tap": Tap(Item).node(), "node": members, "end": sink([])}, "tap -> node -> end")
    return replace(plan, graph=replace(plan.graph, path=Path(file)))


def scene(play: Callable[[Room], Coroutine[Any, Any, None]], *graphs: Plan, **settings: Any) -> Room:
    """Plays it, from start to stop."""

    async def main() -> Room:
        room = Room(*graphs, **settings)
        room.health.start()
        try:
            await play(room)
        finally:
            await room.health.stop()
        return room

    return run_virtual(main())


def test_health_probes_each_member_soon_and_then_every_interval(ward: Ward) -> None:
    """Else a model that died in the night is found by the first caller of the morning."""

    async def play(room: Room) -> None:
        assert room.states() == {"a": "unknown", "b": "unknown", "Plain": "unknown"}
        await room.clock.sleep(EVERY // 10 + seconds(1))
        assert room.states() == {"a": "healthy", "b": "healthy", "Plain": "unknown"}
        await room.clock.sleep(10 * EVERY)

    scene(play, graph("a", "b", last=Plain))
    for label in "ab":
        times = [time for each, time in ward.probes if each == label]
        gaps = [after - before for before, after in pairwise(times)]
        assert 10 <= len(gaps) <= 12 and all(0.9 * EVERY <= gap <= EVERY for gap in gaps)
    assert len({time for _, time in ward.probes}) == len(ward.probes), "two computed at once"
    assert sorted(ward.opened) == sorted(ward.closed) == ["a", "b"]


def test_health_checks_are_delayed_jobs_of_the_scheduler(ward: Ward) -> None:
    """A check that begins while callers wait for a core would take the next one from them."""

    async def play(room: Room) -> None:
        statistics = room.resources.scheduler.statistics
        assert statistics().delayed == 2
        await room.clock.sleep(2 * EVERY)
        assert len(ward.probes) >= 4 and statistics().delayed == 2
        room.health.add(graph("a"))
        await settle()
        assert statistics().delayed == 1 and ward.closed == ["b"]
        await room.health.stop()
        assert statistics().delayed == 0

    scene(play, graph("a", "b"))


def test_health_stop_closes_a_member_whose_probe_is_in_progress(ward: Ward) -> None:
    """A host that ends would leave a connection open, or wait for the probe."""

    async def play(room: Room) -> None:
        ward.slow["a"] = seconds(8)
        await room.clock.sleep(EVERY // 10 + seconds(1))
        began = room.clock.now()
        await room.health.stop()
        assert ward.opened == ward.closed == ["a"] and room.clock.now() - began < seconds(1)

    scene(play, graph("a"))


def test_health_opens_the_breaker_of_an_unhealthy_member(ward: Ward) -> None:
    """Else each of the first calls waits for it in vain."""

    async def play(room: Room) -> None:
        await room.clock.sleep(2 * EVERY)
        ward.ill["a"] = GONE
        await room.clock.sleep(round(1.5 * EVERY))
        (sick, well) = room.health.report()
        assert (sick.state, sick.message, sick.hint) == ("unhealthy", "nobody is there", "look for them")
        assert 0 < sick.since <= 1.5 * EVERY and sick.took >= ms(5)
        assert (well.state, well.message) == ("healthy", "")
        assert room.breaker(chain).state != "closed" and room.breaker(chain, 1).state == "closed"

    chain = graph("a", "b")
    told = scene(play, chain).told
    assert sorted(told[:2]) == [("a", "unknown", "healthy"), ("b", "unknown", "healthy")]
    assert told[2:] == [("a", "healthy", "unhealthy")]


@pytest.mark.parametrize("seed", range(5))
def test_health_restores_a_recovered_member_within_an_interval(ward: Ward, seed: int) -> None:
    """Else calls stay with the stand-in, though nothing is wrong any more."""

    async def play(room: Room) -> None:
        ward.ill["a"] = GONE
        await room.clock.sleep((4 + seed) * EVERY + seconds(seed))
        assert room.breaker(chain).state != "closed"
        ward.ill.clear()
        await room.clock.sleep(EVERY + ms(10))
        assert room.breaker(chain).state == "closed" and room.states() == {"a": "healthy"}

    chain = graph("a")
    scene(play, chain)


def test_health_reports_circuit_open_until_a_probe_succeeds(ward: Ward) -> None:
    """The operator sees that a member rests, though the last probe was fine."""

    async def play(room: Room) -> None:
        await room.clock.sleep(EVERY // 4)
        breaker = room.breaker(chain)
        while ticket := breaker.allows():
            breaker.failed(ticket, GONE)
        assert room.states() == {"a": "circuit_open"} and unserviceable_nodes(room.health.report()) == ("node",)
        await room.clock.sleep(EVERY)
        assert room.states() == {"a": "healthy"} and unserviceable_nodes(room.health.report()) == ()

    chain = graph("a")
    assert scene(play, chain).told[1:] == [("a", "unknown", "healthy")], "its rest was over by then"


def test_health_reports_unknown_once_the_breaker_rest_is_over() -> None:
    """Where nobody looks, only a call can show that it is well again: it must not be kept out for ever."""

    async def main() -> None:
        chain = graph("a")
        room = Room(chain)  # and not started
        breaker = room.breaker(chain)
        while ticket := breaker.allows():
            breaker.failed(ticket, GONE)
        assert unserviceable_nodes(room.health.report()) == ("node",)
        await room.clock.sleep(seconds(15))
        assert room.states() == {"a": "unknown"} and unserviceable_nodes(room.health.report()) == ()
        await room.health.stop()

    run_virtual(main())


def test_health_probe_that_hangs_is_ended_without_delaying_others(ward: Ward) -> None:
    """A member that hangs is unhealthy; the others are probed as before, and it too once it answers again."""

    async def play(room: Room) -> None:
        ward.slow["a"] = seconds(100_000)
        await room.clock.sleep(4 * EVERY)
        report = {each.use: each for each in room.health.report()}
        assert report["a"].state == "unhealthy" and "10s" in report["a"].message and report["b"].state == "healthy"
        ward.slow.clear()
        await room.clock.sleep(EVERY + seconds(11))
        assert room.states() == {"a": "healthy", "b": "healthy"}

    scene(play, graph("a", "b"))
    assert len([label for label, _ in ward.probes if label == "b"]) >= 5


def test_health_probe_that_cannot_be_cancelled_is_not_started_twice(ward: Ward) -> None:
    """Else every interval leaves one more task that hangs."""

    async def play(room: Room) -> None:
        ward.slow["a"] = seconds(200)
        ward.deaf.add("a")
        await room.clock.sleep(seconds(150))
        assert len(ward.probes) == 1
        assert [each.state for each in room.health.report()] == ["unhealthy"]
        assert "still hangs" in room.health.report()[0].message
        ward.slow.clear()
        await room.clock.sleep(seconds(200))
        assert room.states() == {"a": "healthy"}

    scene(play, graph("a"))
    assert ward.opened == ward.closed == ["a", "a"], "what hung is closed, and not used again"


def test_health_retries_a_member_that_cannot_be_opened(ward: Ward) -> None:
    """A model that is put in place later is taken into use without a restart."""

    async def play(room: Room) -> None:
        ward.closed_doors["a"] = ResourceError("no such model", hint="fetch it")
        await room.clock.sleep(2 * EVERY)
        assert [(each.state, each.message) for each in room.health.report()] == [("unhealthy", "no such model")]
        ward.closed_doors.clear()
        await room.clock.sleep(EVERY + ms(10))
        assert room.states() == {"a": "healthy"}

    scene(play, graph("a"))
    assert ward.opened == ["a"]
    assert ward.closed == ["a"] * 5, "the four that could not be opened are closed as well"


def test_health_ignores_probes_that_fail_for_an_exhausted_pool(ward: Ward) -> None:
    """Else overload would take the members away that are left."""

    async def play(room: Room) -> None:
        await room.clock.sleep(EVERY)
        ward.ill["a"] = PoolExhausted("all taken", retry_after=1)
        await room.clock.sleep(5 * EVERY)
        assert room.states() == {"a": "healthy"} and room.breaker(chain).state == "closed"

    chain = graph("a")
    scene(play, chain)


def test_health_probes_identical_members_once(ward: Ward) -> None:
    """Ten graphs with the same voice cost one probe; each graph is told of it."""

    async def play(room: Room) -> None:
        await room.health.check()
        assert [label for label, _ in ward.probes] == ["a", "b"]
        assert [each.use for each in room.health.report()] == ["a", "a", "b"]

    scene(play, graph("a"), graph("a", "b", file="second.yaml"))


def test_health_follows_an_edited_graph(ward: Ward) -> None:
    """Members that it has no more are closed: they hold memory, or a connection."""

    async def play(room: Room) -> None:
        await room.clock.sleep(EVERY)
        room.health.add(graph("b"))
        await room.clock.sleep(EVERY)
        assert room.states() == {"b": "healthy"} and ward.closed == ["a"]

    scene(play, graph("a"))


def test_health_keeps_a_bounded_number_of_graphs(ward: Ward) -> None:
    """A host that is asked for many graphs remembers the last ones."""

    async def play(room: Room) -> None:
        for number in range(40):
            room.health.add(graph(f"m{number}", file=f"{number}.yaml"))
        assert len(room.health.report()) == 16
        assert room.health.report()[-1].use == "m39"

    scene(play)


class Loads(Probed):
    """Has a model."""

    model = Pooled(lambda params: params.label.upper())

    async def probe(self) -> None:
        """Computes with it."""
        assert await self.model.run(lambda model: model) == self.params.label.upper()
        WARD.probes.append((self.params.label, 0))


def test_health_probe_uses_the_shared_model_of_the_process(ward: Ward) -> None:
    """A probe of a model of its own would say nothing of the one that calls use, and take its memory again."""

    async def play(room: Room) -> None:
        await room.health.check()
        assert room.states() == {"Loads": "healthy"} and ward.probes
        assert "Loads" in {each.use for each in room.resources.loaded()}

    chain = planned(
        {"tap": Tap(Item).node(), "node": member(Loads, label="loads"), "end": sink([])}, "tap -> node -> end"
    )
    scene(play, chain)


def test_health_probes_services_only(ward: Ward) -> None:
    """A source and a sink belong to a call."""

    async def play(room: Room) -> None:
        assert {each.node for each in room.health.report()} == {"node"}

    scene(play, graph("a"))


def test_unserviceable_nodes_exclude_optional_nodes() -> None:
    """A host whose face is away still takes calls; the operator sees that it is."""
    face = MemberHealth("face", "face.visemes", 0, "unhealthy", 0, 0, needed=False)
    assert unserviceable_nodes([face]) == () and not face.able
    assert unserviceable_nodes([face, MemberHealth("asr", "asr.whisper", 0, "unhealthy", 0, 0)]) == ("asr",)
