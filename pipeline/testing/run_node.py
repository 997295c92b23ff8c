"""`run_node`: feed one node, get back all it did, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pipeline.caps import Value
from pipeline.node import Node
from pipeline.packet import Queue
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.harness import OUT, Bench, Feed, Outcome


def run_node(
    node: Node[Any],
    feed: Feed = (),
    *,
    caps: Mapping[str, Mapping[str, Value]] | None = None,
    queue: Queue = OUT,
    paced: bool = True,
    latency: Literal["zero", "measured"] = "zero",
) -> Outcome:
    """Runs a node over a feed until it has drained.

    `feed` is a list of packets (and upstream events) for the only input, or lists by
    port; leave it out for a source. Raises what the node raises when it is opened.
    """

    async def main() -> Outcome:
        async with Runner() as runner:
            return await Bench(node, feed, caps=caps, queue=queue, paced=paced).run(runner)

    return run_virtual(main(), latency=latency)
