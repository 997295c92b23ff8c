"""Stands in for an optional node that could not be opened.

A call does without a face that cannot be loaded. The placeholder has the node's ports, accepts its
packets and gives nothing; when the node can be opened it leaves the chain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pipeline.node import Node, Service
from pipeline.packet import Event, Packet
from pipeline.params import NoParams


class Placeholder(Service[NoParams]):
    """The base of all placeholders."""


def make_placeholder(node: type[Node[Any]]) -> Placeholder:
    """A placeholder with the ports of this class."""

    async def take(self: Any, packet: Packet) -> AsyncIterator[Packet]:
        for nothing in tuple[Packet, ...]():
            yield nothing

    def hear(self: Any, event: Event) -> tuple[()]:
        return ()

    for port in node.inputs.values():
        port.each(take)
    for receiver in node.receives.values():
        receiver.each(hear)
    ports = {**node.inputs, **node.outputs, **node.receives, **node.sends}
    made: type[Placeholder] = type(node.__name__, (Placeholder,), {**ports, "take_": take, "hear_": hear})
    return made()
