"""Plans a graph: finds ports, unifies caps, inserts converters, chooses kinds and queues.

A link carries the kinds that its source gives and its target takes, and there must be one.
The caps of both ends are unified; a mismatch that a registered converter can bridge gets
that converter. A link to a transform is fused unless the graph asks for a queue; a link to
a service or sink is queued. Feedback goes by upstream events, so a cycle is an error.
"""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.caps import Value
from pipeline.errors import MAX_LISTED, GraphError
from pipeline.graph.analysis import (
    Draft,
    blocked_nodes,
    blocked_sources,
    check_interrupters,
    feedback_of,
    latency_of,
    needed_nodes,
    over_budget,
)
from pipeline.graph.caps_solver import CapsSolver, unify
from pipeline.graph.graph import Graph, LinkSpec
from pipeline.graph.links import accepts, with_ports
from pipeline.graph.plan import Plan, PlannedLink, PlannedNode
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import Packet, Queue
from pipeline.port import Port


def plan(graph: Graph, registry: Registry) -> Plan:
    """The plan of a graph; raises GraphError where nodes do not fit together, with both ends of what does not."""
    members = {name: spec.members for name, spec in graph.nodes.items()}
    links = [with_ports(link, members[link.source][0].node, members[link.target][0].node) for link in graph.links]
    draft = Draft(members, links)
    _check_linked(draft)
    order = _order(draft)
    members, links, solver = unify(members, links, registry)
    if len(members) > len(graph.nodes):
        draft = Draft(members, links)
        order = _order(draft)
    planned = _kinds_and_queues(draft, order, solver)
    needed = needed_nodes(draft, order)
    nodes = {}
    for name, chain in members.items():
        node, spec = chain[0].node, graph.nodes.get(name)
        nodes[name] = PlannedNode(
            name,
            chain,
            solver.agreed(name, [*node.inputs, *node.outputs]),
            inserted=spec is None,
            needed=name in needed or not issubclass(node, Service),
            limit=spec.limit if spec else None,
            cache=spec.cache if spec else None,
        )
    blocked = blocked_nodes(draft, order, planned)
    check_interrupters(draft, blocked)
    latency = latency_of(draft, order)
    warnings = (*over_budget(graph, latency), *blocked_sources(draft, planned, blocked))
    return Plan(graph, nodes, planned, tuple(feedback_of(draft, order)), latency, warnings)


def _check_linked(draft: Draft) -> None:
    """Every input that is not optional has a link, and so has one output of every node."""
    for name, members in draft.members.items():
        node = members[0].node
        linked = {link.target_port for link in draft.incoming[name]}
        for port in node.inputs.values():
            if port.name not in linked and (not port.optional or not linked):
                kinds = ", ".join(kind.__name__ for kind in port.kinds)
                raise GraphError(
                    f"nothing is linked to the input `{name}.{port.name}`",
                    where=members[0].where,
                    expected=f"a link that brings {kinds}",
                    hint=f"add `- some_node -> {name}.{port.name}` to links",
                )
        if node.outputs and not draft.outgoing[name]:
            raise GraphError(
                f"what `{name}` gives goes nowhere",
                where=members[0].where,
                expected=f"a link from {' or '.join(f'`{name}.{port}`' for port in node.outputs)}",
                hint=f"add `- {name} -> some_node` to links, or remove the node",
            )


def _order(draft: Draft) -> list[str]:
    """The nodes, sources first; raises GraphError for a cycle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in draft.members:
        sorter.add(name, *(link.source for link in draft.incoming[name]))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]
        nodes = set(cycle)
        if len(cycle) > MAX_LISTED:
            cycle[MAX_LISTED - 1 : -1] = [f"({len(cycle) - MAX_LISTED} more)"]
        raise GraphError(
            f"these links form a cycle: {' -> '.join(cycle)}",
            where=next(link.where for link in draft.links if link.source in nodes and link.target in nodes),
            hint="links go one way; what flows back is an upstream event, which needs no link",
        ) from None


# --- kinds and queues


def _kinds_and_queues(draft: Draft, order: list[str], solver: CapsSolver) -> tuple[PlannedLink, ...]:
    """What each link carries, including what passes through nodes unchanged."""
    passing: dict[str, dict[type[Packet], None]] = {name: {} for name in draft.members}
    patient: set[str] = set()
    planned: dict[int, PlannedLink] = {}
    for name in order:
        if _can_wait(draft, name, patient):
            patient.add(name)
        for link in draft.outgoing[name]:
            given = [*draft.node(name).outputs[link.source_port].kinds, *passing[name]]
            port = draft.node(link.target).inputs[link.target_port]
            kinds = tuple(dict.fromkeys(kind for kind in given if accepts(port, kind)))
            if not kinds:
                raise _nothing_fits(link, given, port)
            if port.passes:
                passing[link.target].update((kind, None) for kind in kinds if kind not in port.kinds)
            caps = solver.agreed(link.target, [link.target_port]).get(link.target_port, {})
            planned[id(link)] = _planned(link, kinds, draft.node(link.target), caps, name in patient)
    return tuple(planned[id(link)] for link in draft.links)


def _nothing_fits(link: LinkSpec, given: list[type[Packet]], port: Port) -> GraphError:
    """Happens only beside a converter: elsewhere the ports were chosen by their kinds."""
    return GraphError(
        f"a converter between them does not fit: `{link.source}.{link.source_port} -> {link.target}.{port.name}`",
        where=link.where,
        expected=" or ".join(kind.__name__ for kind in port.kinds),
        found=" or ".join(kind.__name__ for kind in given),
        hint="put a node between them that converts that, or change a parameter so that both ends agree",
    )


def _can_wait(draft: Draft, name: str, patient: set[str]) -> bool:
    """Whether all that a node gives comes by calls from sources that are not live, such as files."""
    node = draft.node(name)
    if issubclass(node, Source):
        return not node.live
    waits = issubclass(node, Transform) and not node.interrupts  # what interrupts is never held
    return waits and all(link.source in patient and link.queue is None for link in draft.incoming[name])


def _planned(
    link: LinkSpec, kinds: tuple[type[Packet], ...], target: type[Node[Any]], caps: dict[str, Value], patient: bool
) -> PlannedLink:
    fused = issubclass(target, Transform) and link.queue is None
    default = kinds[0].queue
    if patient and default.full.startswith("drop"):
        default = replace(default, full="block")
    queue = None if fused else _queue(default, link)
    return PlannedLink(link.source, link.source_port, link.target, link.target_port, kinds, queue, caps)


def _queue(default: Queue, link: LinkSpec) -> Queue:
    wanted = link.queue
    if wanted is None:
        return default
    return Queue(
        time=default.time if wanted.time is None else wanted.time,
        count=default.count if wanted.count is None else wanted.count,
        full=wanted.full or default.full,
    )
