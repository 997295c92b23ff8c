"""Finds which ports a link joins, where the YAML names only the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import GraphError, Location, did_you_mean
from pipeline.graph.graph import Link, QueueSpec
from pipeline.node import Node
from pipeline.packet import Packet
from pipeline.port import Input, Output, Port


@dataclass(frozen=True, slots=True)
class Ends:
    """A link with both of its ports."""

    source: str
    source_port: str
    target: str
    target_port: str
    queue: QueueSpec | None
    where: Location


def accepted(kind: type[Packet], port: Input[Any]) -> bool:
    """Whether an input takes packets of a kind: the kind itself, or a base class of it."""
    return port.passes or issubclass(kind, port.kinds)


def resolve_ends(link: Link, source: type[Node[Any]], target: type[Node[Any]]) -> Ends:
    """Both ports of a link; raises GraphError where there is none, or more than one."""
    outputs = _named(source.outputs, link.source, link.source_port, "output", link.where)
    inputs = _named(target.inputs, link.target, link.target_port, "input", link.where)
    fitting = [
        (out, into)
        for out in outputs
        for into in inputs
        if any(issubclass(kind, into.kinds) for kind in out.kinds) or (into.passes and not into.kinds)
    ]
    if not fitting:
        raise GraphError(
            f"`{link.source}` does not fit `{link.target}`",
            where=link.where,
            expected=f"{_kinds(inputs)}, which `{link.target}.{inputs[0].name}` takes",
            found=f"{_kinds(outputs)}, which `{link.source}.{outputs[0].name}` gives",
            hint="put a node between them that makes the one from the other: `vitagraph inspect` lists all",
        )
    if len(fitting) > 1:
        choices = ", ".join(f"`{link.source}.{out.name} -> {link.target}.{into.name}`" for out, into in fitting)
        raise GraphError(
            f"the link `{link.source} -> {link.target}` could mean several",
            where=link.where,
            expected=f"one of {choices}",
            hint="name the port at that end of the chain",
        )
    out, into = fitting[0]
    return Ends(link.source, out.name, link.target, into.name, link.queue, link.where)


def _named(ports: Mapping[str, Any], node: str, wanted: str | None, what: str, where: Location) -> list[Any]:
    if not ports:
        raise GraphError(
            f"`{node}` has no {what}",
            where=where,
            hint="a source only gives and a sink only takes: look at the direction of the link",
        )
    if wanted is None:
        return list(ports.values())
    if wanted not in ports:
        raise GraphError(
            f"`{node}` has no {what} named `{wanted}`",
            where=where,
            expected=" or ".join(f"`{name}`" for name in ports),
            found=f"`{wanted}`",
            hint=did_you_mean(wanted, ports),
        )
    return [ports[wanted]]


def _kinds(ports: list[Output] | list[Input[Any]] | list[Port]) -> str:
    return " or ".join(dict.fromkeys(kind.__name__ for port in ports for kind in port.kinds))
