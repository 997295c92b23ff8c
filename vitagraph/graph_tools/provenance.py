"""Prints a graph after merging and filling in, with the origin of each line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Location
from pipeline.graph.graph import Graph
from pipeline.graph.language import GRAPH
from pipeline.graph.tree import List, Map, Scalar, Tree
from pipeline.params import Params
from vitagraph.graph_tools.text import spell

_Line = tuple[str, Location]
_Members = Mapping[Location, Params]


def resolved_text(graph: Graph) -> str:
    """The merged graph as YAML; each line ends with the file and line that it comes from."""
    entries = {key: graph.source.entries[key] for key in GRAPH if key in graph.source.entries}
    members = {member.where: member.params for spec in graph.nodes.values() for member in spec.members}
    lines = _block(Map(entries, graph.source.where), members)
    return "".join(f"{text}  # {_origin(where)}\n" for text, where in lines)


def _origin(where: Location) -> str:
    place = f"{where.file}:{where.line}" if where.line else where.file
    return spell(place).strip('"')


def _block(tree: Map | List, members: _Members) -> Iterator[_Line]:
    if isinstance(tree, List):
        for item in tree.items:
            yield from _item(item, members)
        return
    use = tree.get("use")
    params = members.get(use.where) if use else None
    for key, entry in tree.entries.items():
        line = _inline(entry.value, as_text=isinstance(getattr(params, key, None), str))
        if line is not None:
            yield f"{spell(key)}: {line}", entry.value.where
        elif isinstance(entry.value, Map | List):
            yield f"{spell(key)}:", entry.where
            for text, where in _block(entry.value, members):
                yield f"  {text}", where


def _item(item: Tree, members: _Members) -> Iterator[_Line]:
    if (line := _inline(item)) is not None:
        yield f"- {line}", item.where
    elif isinstance(item, Map | List):
        for number, (text, where) in enumerate(_block(item, members)):
            yield f"{'  ' if number else '- '}{text}", where


def _inline(tree: Tree, *, as_text: bool = False) -> str | None:
    """A value that needs no lines of its own: one value, nothing, or the short form of a node."""
    if isinstance(tree, Scalar):
        return _scalar(tree, as_text=as_text)
    if isinstance(tree, List):
        return None if tree.items else "[]"
    use = tree.get("use")
    if isinstance(use, Scalar) and use.where == tree.where and len(tree.entries) == 1:
        return _scalar(use)
    return None if tree.entries else "{}"


def _scalar(scalar: Scalar, *, as_text: bool = False) -> str:
    # A number from the command line is text where the parameter is text.
    value = scalar.text if scalar.shell and as_text else scalar.value
    if isinstance(value, str):
        # References are filled in already: a `${` that is left is literal text.
        return spell(value.replace("${", "$${"))
    return scalar.text if isinstance(value, int | float) else spell(value)
