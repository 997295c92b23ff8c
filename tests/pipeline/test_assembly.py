"""Assembly: from a plan to stages, links and workers, wired as planned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.assembly import Assembly
from pipeline.graph.plan import Plan
from pipeline.virtual import run_virtual
from tests.pipeline.kit import RUNNER, Pass, Serve, Written, items, planned, queue, sink, source


def assembled(made: Plan, look: Callable[[Assembly], Any]) -> Any:
    """What `look` sees of a session's assembly before anything runs."""

    async def main() -> Any:
        session = RUNNER.session(made)
        await session._open()
        return look(session._built)

    return run_virtual(main())


NODES: dict[str, Written] = {
    "a": source(items([1])),
    "b": Pass,
    "c": Pass,
    "s": Serve,
    "end": sink([]),
    "other": sink([]),
}


def test_the_gates_of_a_segment_are_the_blocking_queues_that_calls_reach() -> None:
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

    def gates(built: Assembly) -> dict[str, list[str]]:
        return {name: sorted(gate.name for gate in stage.gates) for name, stage in built.stages.items()}

    assert assembled(made, gates) == {
        "a": ["b.out -> end.into_", "c.out -> s.into"],
        "b": ["b.out -> end.into_", "c.out -> s.into"],
        "c": ["c.out -> s.into"],
        "s": ["s.out -> end.into_"],
        "end": [],
        "other": [],
    }


def test_a_queue_into_a_transform_gets_a_pump_and_into_a_service_a_server() -> None:
    """Each queue has one consumer of its own."""
    made = planned(NODES, ("a -> b", queue()), "b.out -> c", "c.out -> s", "s.out -> end", "a -> other")
    assert assembled(made, lambda built: (sorted(built.pumps), sorted(built.servers))) == (["b"], ["end", "other", "s"])
    assert assembled(made, lambda built: {name: len(each) for name, each in built.servers.items()}) == {
        "s": 1,
        "end": 1,
        "other": 1,
    }


def test_every_link_counts_as_a_feeder() -> None:
    """A node ends when all that feeds it has ended, fused or queued."""
    made = planned(
        NODES, "a -> b", ("a -> c", queue()), "b.out -> c", "c.out -> s", "s.out -> end", "a -> other", "b.out -> end"
    )
    feeders = assembled(made, lambda built: {name: stage.feeders for name, stage in built.stages.items()})
    assert feeders == {"a": 0, "b": 1, "c": 2, "s": 1, "end": 2, "other": 1}


def test_links_into_nodes_are_found_whoever_feeds_them() -> None:
    """A flush empties every queue into what it reaches."""
    made = planned(NODES, "a -> b", "b.out -> c", "c.out -> s", "s.out -> end", "a -> end", "a -> other")
    names = assembled(made, lambda built: sorted(link.name for link in built.links_into(frozenset({"end"}))))
    assert names == ["a.out -> end.into_", "s.out -> end.into_"]
