"""Opens an instance of a node: for a session, or by itself for a health probe."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from pipeline.compute.resources import Resources
from pipeline.node import Context, Node
from pipeline.packet import SECOND
from pipeline.policies.spec import PoolBounds

CLOSE_GRACE = SECOND
"""Nanoseconds that a node whose `open` failed may take to close what it had opened."""


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
            await _close_half_open(node, sys.exc_info()[1])


async def _close_half_open(node: Node[Any], error: BaseException | None) -> None:
    closing = asyncio.get_running_loop().create_task(node.close(), name=f"{node.context.name} closes")
    try:
        await asyncio.wait((closing,), timeout=CLOSE_GRACE / SECOND)
    finally:
        closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    if error is not None and not closing.cancelled() and (second := closing.exception()) is not None:
        error.add_note(f"closing it failed too: {second!r}")
