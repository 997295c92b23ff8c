"""Wiring: from a plan to running nodes, links and workers, connected as planned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from pipeline.clock import Clock
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output
from pipeline.runtime.bus import Bus
from pipeline.runtime.policy_store import NodePolicy
from pipeline.runtime.report import Reporter, SessionReport
from pipeline.runtime.running_node import RunningMember
from pipeline.runtime.service_worker import ServiceWorker
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from pipeline.runtime.wiring import Wiring, wire
from pipeline.testing import root_stamp
from tests.pipeline.kit import Item, Pass, Serve, Tap, Written, items, planned, queue, run, sink, source


def wired(made: Plan, look: Callable[[Wiring], Any]) -> Any:
    """What `look` returns for a plan that is wired, before anything runs."""

    async def main() -> Any:
        clock, report = Clock(asyncio.get_running_loop()), SessionReport()
        bus = Bus(lambda error, kind: None, clock)
        reporter = Reporter(report, bus, clock, lambda error: None)
        return look(
            wire(
                made,
                {name: [RunningMember(node.members[0].node())] for name, node in made.nodes.items()},
                root=root_stamp(),
                clock=clock,
                make_worker=lambda running, port: ServiceWorker(running, port, NodePolicy(), reporter),
                post=bus.post,
                observe=None,
            )
        )

    return run_virtual(main())


NODES: dict[str, Written] = {
    "a": source(items([1])),
    "b": Pass,
    "c": Pass,
    "s": Serve,
    "end": sink([]),
    "other": sink([]),
}


def test_wiring_holds_a_segment_back_by_the_blocking_queues_its_calls_reach() -> None:
    """Credit before pull looks at all of them, and at no leaky one."""
    made = planned(
        NODES,
        "a -> b",
        "b.out -> c",
        "c.out -> s",
        ("c.out -> other", queue(full="latest")),
        "s.out -> end",
        "b.out -> end",
    )

    def blocking(built: Wiring) -> dict[str, list[str]]:
        return {name: sorted(link.name for link in running.blocking) for name, running in built.nodes.items()}

    assert wired(made, blocking) == {
        "a": ["b.out -> end.into_", "c.out -> s.into"],
        "b": ["b.out -> end.into_", "c.out -> s.into"],
        "c": ["c.out -> s.into"],
        "s": ["s.out -> end.into_"],
        "end": [],
        "other": [],
    }


def test_wiring_gives_transform_queues_pumps_and_service_queues_workers() -> None:
    """Each queue has one consumer of its own."""
    made = planned(NODES, ("a -> b", queue()), "b.out -> c", "c.out -> s", "s.out -> end", "a -> other")
    assert wired(made, lambda built: (sorted(built.pumps), sorted(built.workers))) == (["b"], ["end", "other", "s"])
    assert wired(made, lambda built: {name: len(each) for name, each in built.workers.items()}) == {
        "s": 1,
        "end": 1,
        "other": 1,
    }


def test_wiring_counts_every_link_as_a_feeder() -> None:
    """A node ends when all that feeds it has ended, fused or queued."""
    made = planned(
        NODES, "a -> b", ("a -> c", queue()), "b.out -> c", "c.out -> s", "s.out -> end", "a -> other", "b.out -> end"
    )
    feeders = wired(made, lambda built: {name: running.feeders for name, running in built.nodes.items()})
    assert feeders == {"a": 0, "b": 1, "c": 2, "s": 1, "end": 2, "other": 1}


def test_wiring_finds_all_links_into_nodes() -> None:
    """A flush empties every queue into what it reaches."""
    made = planned(NODES, "a -> b", "b.out -> c", "c.out -> s", "s.out -> end", "a -> end", "a -> other")
    names = wired(made, lambda built: sorted(link.name for link in built.links_into(frozenset({"end"}))))
    assert names == ["a.out -> end.into_", "s.out -> end.into_"]


# --- how far behind it is


class Slow(Service[NoParams]):
    """Takes a second for each."""

    into = Input(Item)
    out = Output(Item)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same, later."""
        await self.clock.sleep(ms(1000))
        yield item


def lags(link: Any, takes: int) -> list[int]:
    """Milliseconds of lag a moment after two packets have come, at intervals of 400 ms."""
    tap, seen = Tap(), list[int]()

    async def drive(session: Session) -> None:
        tap.put(*items([1, 2]))
        for _ in range(6):
            await session.clock.sleep(ms(400))
            seen.append(session.lag() // ms(1))
        tap.shut()

    nodes = {"tap": tap.node(), "slow": Slow, "end": sink([], takes=takes)}
    run(planned(nodes, "tap -> slow", link), drive)
    return seen


def test_wiring_lag_counts_packets_waiting_for_a_service() -> None:
    """Else a host would go on taking calls whose answers come later and later."""
    assert lags(("slow -> end", queue(full="drop_oldest")), 0) == [400, 800, 0, 0, 0, 0]


def test_wiring_lag_excludes_packets_blocked_by_backpressure() -> None:
    """Speech that waits until the sentence before it was played is no overload."""
    assert lags(("slow -> end", queue(count=1, full="block")), ms(5000)) == [0, 0, 0, 0, 0, 0]
