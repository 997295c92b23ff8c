"""Drawings of a plan: Mermaid for documents, DOT for Graphviz.

Thick: a queued link, with its bounds. Thin: a fused link. Dashed: upstream events. A node
that planning inserted is round; fallbacks are listed in their node.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.graph.plan import Plan, PlannedFeedback, PlannedLink, PlannedNode
from pipeline.packet import Queue
from pipeline.params import show_duration


def mermaid(plan: Plan) -> str:
    """The plan as a Mermaid flowchart."""
    ids = {name: f"n{number}" for number, name in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for name, node in plan.nodes.items():
        label = _mermaid_text(_node_lines(node))
        lines.append(f"  {ids[name]}([{label}])" if node.inserted else f"  {ids[name]}[{label}]")
    for link in plan.links:
        arrow = "-->" if link.queue is None else "==>"
        lines.append(f"  {ids[link.source]} {arrow}|{_mermaid_text(_link_lines(link))}| {ids[link.target]}")
    for each in _feedback(plan):
        lines.append(f"  {ids[each.source]} -.->|{_mermaid_text([each.event.__name__])}| {ids[each.target]}")
    return "\n".join(lines) + "\n"


def dot(plan: Plan) -> str:
    """The plan as a Graphviz digraph."""
    lines = [
        "digraph plan {",
        "  rankdir=LR",
        "  node [shape=box, fontname=sans]",
        "  edge [fontname=sans, fontsize=10]",
    ]
    for name, node in plan.nodes.items():
        shape = ", shape=ellipse" if node.inserted else ""
        lines.append(f"  {_dot_text([name])} [label={_dot_text(_node_lines(node))}{shape}]")
    for link in plan.links:
        width = 1 if link.queue is None else 3
        lines.append(f"  {_dot_ends(link)} [label={_dot_text(_link_lines(link))}, penwidth={width}]")
    for each in _feedback(plan):
        label = _dot_text([each.event.__name__])
        lines.append(f"  {_dot_ends(each)} [label={label}, style=dashed, constraint=false]")
    return "\n".join([*lines, "}"]) + "\n"


def _feedback(plan: Plan) -> list[PlannedFeedback]:
    return sorted(plan.feedback, key=lambda each: (each.source, each.target, each.event.__name__))


def _node_lines(node: PlannedNode) -> list[str]:
    primary, *fallbacks = node.members
    return [node.name, primary.use, *(f"or {member.use}" for member in fallbacks)]


def _link_lines(link: PlannedLink) -> list[str]:
    kinds = ", ".join(sorted(kind.__name__ for kind in link.kinds))
    return [kinds] if link.queue is None else [kinds, _bounds(link.queue)]


def _bounds(queue: Queue) -> str:
    return f"{show_duration(queue.time)} or {queue.count}, {queue.full}"


def _mermaid_text(lines: Iterable[str]) -> str:
    return f'"{"<br/>".join(line.replace("&", "#amp;").replace(chr(34), "#quot;") for line in lines)}"'


def _dot_text(lines: Iterable[str]) -> str:
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def _dot_ends(edge: PlannedLink | PlannedFeedback) -> str:
    return f"{_dot_text([edge.source])} -> {_dot_text([edge.target])}"
