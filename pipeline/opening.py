"""Opens an instance of a node: for a session, or by itself for who looks whether it is well."""

from __future__ import annotations

from typing import Any

from pipeline.compute.resources import Resources
from pipeline.node import Context, Node


async def open_node(node: Node[Any], context: Context, resources: Resources) -> None:
    """Lends it its context and its resources, which are loaded where they are not yet. Raises what `open` raises."""
    for attribute, pooled in node.resources.items():
        context.pools[attribute] = await resources.get(pooled, node.params, context.use)
    node.start(context)
    await node.open()
