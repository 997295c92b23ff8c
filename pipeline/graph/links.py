"""Links of the graph: chains such as `a -> b.port`, the long form with its queue, and the ports that they join."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.errors import MAX_NAME, GraphError, Location, did_you_mean, listing
from pipeline.graph.graph import LinkSpec, NodeSpec, QueueSpec
from pipeline.graph.language import LINK, LINK_END
from pipeline.graph.problems import Problems
from pipeline.graph.tree import List, Map, Scalar, Tree, found, is_private, wrong_value
from pipeline.graph.validate import validated
from pipeline.node import Node
from pipeline.packet import Packet
from pipeline.port import Input, Output, Port

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _LinkEnd:
    node: str
    port: str
    where: Location


def links_of(tree: List, nodes: Mapping[str, NodeSpec | None]) -> tuple[LinkSpec, ...]:
    """Every link; raises GraphErrors with every error in them. A node that is None has errors of its own."""
    problems = Problems()
    links: dict[str, LinkSpec] = {}
    for item in tree.items:
        with problems.collect():
            for source, target, queue in _item(item):
                with problems.collect():
                    _check_end(source, nodes, "output")
                with problems.collect():
                    _check_end(target, nodes, "input")
                    _add(LinkSpec(source.node, source.port, target.node, target.port, queue, target.where), links)
    problems.raise_all()
    return tuple(links.values())


_Found = tuple[_LinkEnd, _LinkEnd, QueueSpec | None]


def _item(item: Tree) -> Iterator[_Found]:
    if isinstance(item, Map):
        yield _long(item)
    elif isinstance(item, Scalar) and isinstance(item.value, str):
        yield from _chain(item)
    else:
        words = "a chain, such as `a -> b -> c`, or a mapping with `from` and `to`"
        raise GraphError("a link is a chain or a mapping", where=item.where, expected=words, found=found(item))


def _chain(scalar: Scalar) -> Iterator[_Found]:
    parts = scalar.text.split("->")
    if len(parts) < 2:
        raise GraphError("a chain needs two ends", where=scalar.where, expected="`a -> b`", found=_shown(scalar.text))
    ends: list[_LinkEnd] = []
    offset = 0
    for part in parts:
        ends.append(_end(part.strip(), scalar.column(offset + len(part) - len(part.lstrip()))))
        offset += len(part) + len("->")
    for end in ends[1:-1]:
        if end.port:
            hint = f"end the chain at `{end.node}` and begin another there"
            message = f"`{end.node}.{end.port}` names a port in the middle of a chain"
            raise GraphError(message, where=end.where, hint=hint)
    for source, target in itertools.pairwise(ends):
        yield source, target, None


def _end(text: str, where: Location) -> _LinkEnd:
    if len(text) > 2 * MAX_NAME or not re.fullmatch(LINK_END, text):
        raise GraphError("a link names nodes", where=where, expected=LINK["from"].expected, found=_shown(text))
    node, _, port = text.partition(".")
    return _LinkEnd(node, port, where)


def _shown(text: str) -> str:
    return f"`{text if len(text) <= MAX_NAME else text[:MAX_NAME] + '...'}`" if text else "nothing"


def _long(item: Map) -> _Found:
    for key, entry in item.entries.items():
        if key not in LINK and not is_private(key):
            hint = did_you_mean(key, LINK)
            raise GraphError(f"a link has no `{key}`", where=entry.where, expected=listing(LINK), hint=hint)
    source, target = _long_end(item, "from"), _long_end(item, "to")
    queue = item.entries.get("queue")
    return source, target, _queue(queue.value, queue.where) if queue else None


def _long_end(item: Map, key: str) -> _LinkEnd:
    value, expected = item.get(key), LINK[key].expected
    if value is None:
        raise GraphError(f"a link needs `{key}`", where=item.where, expected=expected)
    if not isinstance(value, Scalar):
        raise wrong_value(key, value, expected)
    return _end(value.text.strip(), value.where)


def _queue(value: Tree, where: Location) -> QueueSpec:
    if isinstance(value, Scalar) and value.value is True:
        return QueueSpec()
    if not isinstance(value, Map):
        raise wrong_value("queue", value, f"true, or {LINK['queue'].expected}")
    return validated(QueueSpec, value, "queue", where)


def _check_end(end: _LinkEnd, nodes: Mapping[str, NodeSpec | None], what: str) -> None:
    if end.node not in nodes:
        hint = did_you_mean(end.node, nodes)
        raise GraphError(f"there is no node `{end.node}`", where=end.where, expected=listing(nodes), hint=hint)
    if end.port and (spec := nodes[end.node]):
        _port(getattr(spec.primary.node, f"{what}s"), spec.primary.use, end.port, what, end.where)


def _port(ports: Mapping[str, T], owner: str, name: str, what: str, where: Location) -> T:
    if name not in ports:
        message, hint = f"`{owner}` has no {what} `{name}`", did_you_mean(name, ports)
        raise GraphError(message, where=where, expected=listing(ports), hint=hint)
    return ports[name]


def _add(link: LinkSpec, links: dict[str, LinkSpec]) -> None:
    if first := links.get(str(link)):
        raise GraphError(f"`{link}` is linked twice", where=link.where, hint=f"the first is at {first.where}")
    links[str(link)] = link


# --- ports


def accepts(port: Input[Any], kind: type[Packet]) -> bool:
    """Whether an input takes packets of a kind: one of its own kinds, a subclass of one, or any where it passes all."""
    return port.passes or issubclass(kind, port.kinds)


def with_ports(link: LinkSpec, source: type[Node[Any]], target: type[Node[Any]]) -> LinkSpec:
    """The link with both of its ports; raises GraphError where none fit, or more than one pair does."""
    outputs = _candidates(source.outputs, link.source, link.source_port, "output", link.where)
    inputs = _candidates(target.inputs, link.target, link.target_port, "input", link.where)
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
    return replace(link, source_port=out.name, target_port=into.name)


def _candidates(ports: Mapping[str, Any], node: str, wanted: str, what: str, where: Location) -> list[Any]:
    if not ports:
        raise GraphError(
            f"`{node}` has no {what}",
            where=where,
            hint="a source only gives and a sink only takes: look at the direction of the link",
        )
    return [_port(ports, node, wanted, what, where)] if wanted else list(ports.values())


def _kinds(ports: list[Output] | list[Input[Any]] | list[Port]) -> str:
    return " or ".join(dict.fromkeys(kind.__name__ for port in ports for kind in port.kinds))
