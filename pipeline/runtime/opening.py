"""Opens an instance of a node for a session or a health probe, and closes one in bounded time."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from pipeline.compute.pool_spec import PoolBounds
from pipeline.compute.resources import Resources
from pipeline.node import Context, Node
from pipeline.packet import SECOND
from pipeline.runtime.supervised_task import CANCEL_GRACE

CLOSE_GRACE = SECOND
"""Nanoseconds that `close_in_time` gives a node."""


async def open_node(
    node: Node[Any],
    context: Context,
    resources: Resources,
    use: str,
    bounds: PoolBounds | None = None,
    memory: Any = None,
) -> None:
    """Gives a node its context and its resources, which are loaded where they are not yet, then opens it.

    `use` is its class as the graph writes it, `bounds` what the graph says of its pools, `memory` what it shares
    with the other members of its chain. Raises what `open` raises; a node whose `open` fails or is cancelled is
    closed before that.
    """
    for attribute, pooled in node.resources.items():
        context.pools[attribute] = await resources.get(pooled, node.params, use, bounds)
    node.start(context, memory)
    is_open = False
    try:
        await node.open()
        is_open = True
    finally:
        if not is_open:
            error, second = sys.exc_info()[1], await close_in_time(node)
            if error is not None and second is not None:
                error.add_note(f"closing it failed too: {second!r}")


async def close_in_time(node: Node[Any]) -> BaseException | None:
    """Closes a node; returns what `close` raised. One that takes longer than a second is cancelled, then abandoned."""
    closing = asyncio.get_running_loop().create_task(node.close(), name=f"{node.context.name} closes")
    closing.add_done_callback(retrieve)
    try:
        await asyncio.wait((closing,), timeout=CLOSE_GRACE / SECOND)
    finally:
        closing.cancel()
    await asyncio.wait((closing,), timeout=CANCEL_GRACE / SECOND)
    return closing.exception() if closing.done() and not closing.cancelled() else None


def retrieve(task: asyncio.Task[None]) -> None:
    """Takes the error of a task that may have been abandoned, so that it is not logged as unhandled."""
    if not task.cancelled():
        task.exception()
