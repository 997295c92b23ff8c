"""Generates the node reference in Markdown from the node classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.caps import Constraint, FromParam, OneOf, Same
from pipeline.graph.describe import expected, schema_of
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service, Sink, Source, Transform
from pipeline.port import Port
from vitagraph.graph_tools.text import docstring, spell, summary

_NodeType = type[Node[Any]]

_BASES: Mapping[type, str] = {
    Transform: "A transform: synchronous, microseconds per packet.",
    Service: "A service: slow or remote, one packet at a time.",
    Source: "A source.",
    Sink: "A sink.",
}


def reference(registry: Registry) -> str:
    """The pages of all nodes, preceded by a list."""
    nodes = {use: registry.find(use) for use in registry.names()}
    lines = ["# Nodes", "", "Generated from the classes: `vitagraph inspect` prints the same.", ""]
    lines += [f"- [`{use}`](#{_anchor(use)}): {summary(node)}" for use, node in nodes.items()]
    return "\n".join([*lines, "", *(node_page(use, node) for use, node in nodes.items())])


def table_of(registry: Registry) -> str:
    """A Markdown table of all nodes."""
    rows = [f"| `{use}` | {summary(registry.find(use))} |" for use in registry.names()]
    return "\n".join(["| node | what it does |", "|---|---|", *rows, ""])


def node_page(name: str, node: _NodeType) -> str:
    """The page of one node: description, ports, parameters."""
    parts = [f"## `{name}`", docstring(node), _base(node), _ports(node), _params(node)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _anchor(use: str) -> str:
    return "".join(each for each in use.lower() if each.isalnum() or each in "-_")


def _base(node: _NodeType) -> str:
    words = next((text for base, text in _BASES.items() if issubclass(node, base)), "")
    if issubclass(node, Source) and node.live:
        words = "A live source: if a queue below is full, it drops packets and counts them."
    converts = f" The planner inserts it between ports whose {node.converts} differs." if node.converts else ""
    return words + converts


def _ports(node: _NodeType) -> str:
    return _table(("Port", "Direction", "Carries", "Caps"), _port_rows(node))


def _port_rows(node: _NodeType) -> Iterator[tuple[str, ...]]:
    ports: tuple[tuple[str, Mapping[str, Port]], ...] = (("in", node.inputs), ("out", node.outputs))
    for direction, by_name in ports:
        for name, port in by_name.items():
            yield f"`{name}`", direction, _code(kind.__name__ for kind in port.kinds), _caps(port)
    for name, received in node.receives.items():
        yield f"`{name}`", "upstream events in", f"`{received.event.__name__}`", ""
    for name, sent in node.sends.items():
        yield f"`{name}`", "upstream events out", f"`{sent.event.__name__}`", ""


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _caps(port: Port) -> str:
    words = ((name, _constraint(each)) for name, each in port.caps.items())
    return ", ".join(f"{name} {text}" for name, text in words if text)


def _constraint(constraint: Constraint) -> str:
    match constraint:
        case OneOf(values):
            return " or ".join(map(str, values))
        case Same(port):
            return f"as `{port}`"
        case FromParam(name):
            return f"from the parameter `{name}`"
        case _:
            return ""


def _params(node: _NodeType) -> str:
    schema = schema_of(node.params_type)
    properties = schema.get("properties", {})
    return _table(
        ("Parameter", "Takes", "Default", ""),
        (
            (
                f"`{name}`",
                expected(node.params_type, (name,)),
                f"`{spell(each['default'])}`" if "default" in each else "required",
                each.get("description", ""),
            )
            for name, each in properties.items()
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(row) for row in rows]
    return "\n".join([_row(head), _row("---" for _ in head), *lines]) if lines else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
