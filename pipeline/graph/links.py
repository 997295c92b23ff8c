"""Links of the graph: chains such as `a -> b.port`, and the long form with its queue."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from pipeline.errors import GraphError, Location, did_you_mean, listing
from pipeline.graph.document import is_private
from pipeline.graph.graph import Link, NodeSpec, QueueSpec
from pipeline.graph.problems import Problems
from pipeline.graph.tree import List, Map, Scalar, Tree, found
from pipeline.graph.values import duration_of, word_of, wrong_value
from pipeline.packet import Full

_END = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?:\.([A-Za-z_][A-Za-z0-9_]*))?")
_END_WORDS = "`node` or `node.port`"
_KEYS = ("from", "to", "queue")
_QUEUE_KEYS = ("time", "count", "full")
_FULL: tuple[Full, ...] = get_args(Full)


@dataclass(frozen=True, slots=True)
class _End:
    node: str
    port: str | None
    where: Location


def links_of(tree: List, nodes: Mapping[str, NodeSpec | None]) -> tuple[Link, ...]:
    """Every link, or every error in them; a node that is None has errors of its own."""
    problems = Problems()
    links: dict[str, Link] = {}
    for item in tree.items:
        with problems.collect():
            for source, target, queue in _item(item):
                with problems.collect():
                    _check_end(source, nodes, "outputs")
                with problems.collect():
                    _check_end(target, nodes, "inputs")
                    _add(Link(source.node, source.port, target.node, target.port, queue, target.where), links)
    problems.raise_all()
    return tuple(links.values())


_Found = tuple[_End, _End, QueueSpec | None]


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
        raise GraphError("a chain needs two ends", where=scalar.where, expected="`a -> b`", found=f"`{scalar.text}`")
    ends: list[_End] = []
    offset = 0
    for part in parts:
        ends.append(_end(part.strip(), scalar.column(offset + len(part) - len(part.lstrip()))))
        offset += len(part) + len("->")
    for end in ends[1:-1]:
        if end.port is not None:
            hint = f"end the chain at `{end.node}` and begin another there"
            message = f"`{end.node}.{end.port}` names a port in the middle of a chain"
            raise GraphError(message, where=end.where, hint=hint)
    for source, target in itertools.pairwise(ends):
        yield source, target, None


def _end(text: str, where: Location) -> _End:
    match = _END.fullmatch(text)
    if match is None:
        seen = f"`{text}`" if text else "nothing"
        raise GraphError("a link names nodes", where=where, expected=_END_WORDS, found=seen)
    return _End(match[1], match[2], where)


def _long(item: Map) -> _Found:
    _check_keys(item, _KEYS, "a link")
    source, target = _long_end(item, "from"), _long_end(item, "to")
    queue = item.entries.get("queue")
    return source, target, _queue(queue.value) if queue else None


def _long_end(item: Map, key: str) -> _End:
    value = item.get(key)
    if value is None:
        raise GraphError(f"a link needs `{key}`", where=item.where, expected=_END_WORDS)
    if not isinstance(value, Scalar):
        raise wrong_value(key, value, _END_WORDS)
    return _end(value.text.strip(), value.where)


def _check_keys(item: Map, known: tuple[str, ...], what: str) -> None:
    for key, entry in item.entries.items():
        if key not in known and not is_private(key):
            hint = did_you_mean(key, known)
            raise GraphError(f"{what} has no `{key}`", where=entry.where, expected=listing(known), hint=hint)


def _queue(value: Tree) -> QueueSpec:
    if isinstance(value, Scalar) and value.value is True:
        return QueueSpec()
    if not isinstance(value, Map):
        raise wrong_value("queue", value, "true, or a mapping with time, count or full")
    _check_keys(value, _QUEUE_KEYS, "a queue")
    time, count, full = (value.get(key) for key in _QUEUE_KEYS)
    return QueueSpec(
        duration_of("time", time) if time else None,
        _count(count) if count else None,
        word_of("full", full, _FULL) if full else None,
    )


def _count(value: Tree) -> int:
    number = value.value if isinstance(value, Scalar) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise wrong_value("count", value, "a whole number, at least 1")
    return number


def _check_end(end: _End, nodes: Mapping[str, NodeSpec | None], direction: str) -> None:
    if end.node not in nodes:
        hint = did_you_mean(end.node, nodes)
        raise GraphError(f"there is no node `{end.node}`", where=end.where, expected=listing(nodes), hint=hint)
    spec = nodes[end.node]
    known = getattr(spec.primary.node, direction) if spec else {}
    if spec and end.port is not None and end.port not in known:
        message = f"`{spec.primary.use}` has no {direction.removesuffix('s')} `{end.port}`"
        raise GraphError(message, where=end.where, expected=listing(known), hint=did_you_mean(end.port, known))


def _add(link: Link, links: dict[str, Link]) -> None:
    if first := links.get(str(link)):
        raise GraphError(f"`{link}` is linked twice", where=link.where, hint=f"the first is at {first.where}")
    links[str(link)] = link
