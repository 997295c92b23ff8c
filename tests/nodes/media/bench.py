"""A node by itself on a loop of its own, for tests that look inside a run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pipeline.caps import Value
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.node import Context, Node
from pipeline.packet import Event


async def started(node: Node[Any], caps: Mapping[str, Mapping[str, Value]] | None = None) -> list[Event]:
    """Starts and opens a node; the events that it will send or post."""
    events: list[Event] = []
    clock = Clock(asyncio.get_running_loop())
    node.start(Context("node", clock, Causes(), events.append, events.append, caps or {}))
    await node.open()
    return events
