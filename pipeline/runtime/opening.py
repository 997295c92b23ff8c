"""Opens an instance of a node: for a session, or by itself for who looks whether it is well."""

from __future__ import annotations

from typing import Any

from pipeline.compute.resources import Resources
from pipeline.node import Context, Node
from pipeline.policies.spec import PoolBounds


async def open_node(node: Node[Any], context: Context, resources: Resources, bounds: PoolBounds | None = None) -> None:
    """Lends it its context and its resources, which are loaded where they are not yet. Raises what `open` raises.

    `bounds` are what its graph says of the pool of each; whoever only looks at a node says nothing.
    """
    for attribute, pooled in node.resources.items():
        context.pools[attribute] = await resources.get(pooled, node.params, context.use, bounds)
    node.start(context)
    await node.open()
