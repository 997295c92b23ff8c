"""Plans a graph: resolves ports, checks, unifies caps, inserts converters, fuses.

The rules: a link carries the kinds that the one end gives and the other takes, and there
must be one. Caps of both ends are unified; a mismatch that a registered converter can
bridge gets one. A link to a transform is fused unless the YAML asks for a queue; a link
to a service or sink is queued. Feedback goes by upstream events, so a cycle is an error.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.caps import Value, describe
from pipeline.errors import GraphError
from pipeline.graph.caps_solver import CapsSolver
from pipeline.graph.graph import Graph, Member
from pipeline.graph.plan import Latency, Plan, PlannedFeedback, PlannedLink, PlannedNode
from pipeline.graph.ports import Ends, accepted, resolve_ends
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import Packet, Queue
from pipeline.params import NoParams
from pipeline.port import Port


@dataclass(slots=True)
class _Draft:
    """The graph while it is being planned."""

    graph: Graph
    members: dict[str, tuple[Member, ...]]
    links: list[Ends] = field(default_factory=list)
    inserted: set[str] = field(default_factory=set)

    def node(self, name: str) -> type[Node[Any]]:
        return self.members[name][0].node


def plan(graph: Graph, registry: Registry) -> Plan:
    """The plan of a graph; raises GraphError that names both ends of what does not fit."""
    draft = _Draft(graph, {name: spec.members for name, spec in graph.nodes.items()})
    draft.links = [resolve_ends(link, draft.node(link.source), draft.node(link.target)) for link in graph.links]
    _check_linked(draft)
    order = _order(draft)
    solver = _unify(draft, registry)
    links = _kinds_and_queues(draft, _order(draft) if draft.inserted else order, solver)
    feedback = tuple(_feedback(draft, links))
    nodes = {
        name: PlannedNode(
            name,
            members,
            solver.agreed(name, [*members[0].node.inputs, *members[0].node.outputs]),
            name in draft.inserted,
            not issubclass(members[0].node, Service) or _is_needed(draft, name),
            graph.nodes[name].limit if name in graph.nodes else None,
            graph.nodes[name].cache if name in graph.nodes else None,
        )
        for name, members in draft.members.items()
    }
    warnings = tuple(_warnings(draft, links))
    _check_interrupters(draft, links)
    return Plan(graph, nodes, links, feedback, _latency(draft, _order(draft)), warnings)


def _is_needed(draft: _Draft, name: str) -> bool:
    """Whether any of its packets goes, at last, to an input that a graph must link; or nobody's are missed."""
    ends = [end for end in draft.links if end.source == name]
    return not ends or any(
        not draft.node(end.target).inputs[end.target_port].optional and _is_needed(draft, end.target) for end in ends
    )


def _check_linked(draft: _Draft) -> None:
    """Every input that is not optional has a link, and so has one output of every node."""
    for name, members in draft.members.items():
        node = members[0].node
        linked = {end.target_port for end in draft.links if end.target == name}
        for port in node.inputs.values():
            if port.name not in linked and (not port.optional or not linked):
                kinds = ", ".join(kind.__name__ for kind in port.kinds)
                raise GraphError(
                    f"nothing is linked to the input `{name}.{port.name}`",
                    where=members[0].where,
                    expected=f"a link that brings {kinds}",
                    hint=f"add `- some_node -> {name}.{port.name}` to links",
                )
        if node.outputs and not any(end.source == name for end in draft.links):
            raise GraphError(
                f"what `{name}` gives goes nowhere",
                where=members[0].where,
                expected=f"a link from {' or '.join(f'`{name}.{port}`' for port in node.outputs)}",
                hint=f"add `- {name} -> some_node` to links, or remove the node",
            )


def _order(draft: _Draft) -> list[str]:
    """The nodes, sources first; raises GraphError for a cycle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in draft.members:
        sorter.add(name, *(end.source for end in draft.links if end.target == name))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        raise GraphError(
            f"these links form a cycle: {' -> '.join(reversed(cycle))}",
            where=next(end.where for end in draft.links if end.source in cycle and end.target in cycle),
            hint="links go one way; what flows back is an upstream event, which needs no link",
        ) from None


def _unify(draft: _Draft, registry: Registry) -> CapsSolver:
    solver = CapsSolver()
    for name, members in draft.members.items():
        solver.add(name, members[0].node, members[0].params)
    for end in list(draft.links):
        if mismatches := solver.link((end.source, end.source_port), (end.target, end.target_port)):
            _bridge(draft, registry, solver, end, mismatches)
    return solver


def _bridge(draft: _Draft, registry: Registry, solver: CapsSolver, end: Ends, mismatches: tuple[str, ...]) -> None:
    """Puts a converter into a link whose two ends disagree on one constraint."""
    converter = registry.converter(mismatches[0]) if len(mismatches) == 1 else None
    if converter is None:
        raise _misfit(solver, end, mismatches)
    use, node = converter
    wanted = f"{node.__name__.lower()}_{end.source}_{end.target}"
    others = (f"{wanted}_{number}" for number in itertools.count(2))
    name = next(name for name in itertools.chain((wanted,), others) if name not in draft.members)
    draft.members[name] = (Member(use, node, node.params_type() if node.params_type else NoParams(), end.where),)
    draft.inserted.add(name)
    solver.add(name, node, draft.members[name][0].params)
    into, out = next(iter(node.inputs)), next(iter(node.outputs))
    index = draft.links.index(end)
    before = replace(end, target=name, target_port=into, queue=None)
    after = replace(end, source=name, source_port=out)
    draft.links[index : index + 1] = [before, after]
    for part in (before, after):
        if left := solver.link((part.source, part.source_port), (part.target, part.target_port)):
            raise _misfit(solver, part, left)


def _misfit(solver: CapsSolver, end: Ends, constraints: tuple[str, ...]) -> GraphError:
    given = solver.allowed(end.source, end.source_port)
    taken = solver.allowed(end.target, end.target_port)
    return GraphError(
        f"`{end.source}.{end.source_port}` does not fit `{end.target}.{end.target_port}`",
        where=end.where,
        expected=describe({name: taken[name] for name in constraints}),
        found=describe({name: given[name] for name in constraints}),
        hint=f"nothing converts {' and '.join(constraints)} by itself: change a parameter, or put a node between them",
    )


def _kinds_and_queues(draft: _Draft, order: list[str], solver: CapsSolver) -> tuple[PlannedLink, ...]:
    """What each link carries, following what passes through nodes untouched."""
    passing: dict[str, list[type[Packet]]] = {name: [] for name in draft.members}
    patient: set[str] = set()
    planned: dict[int, PlannedLink] = {}
    for name in order:
        if _can_wait(draft, name, patient):
            patient.add(name)
        for index, end in enumerate(draft.links):
            if end.source != name:
                continue
            given = [*draft.node(name).outputs[end.source_port].kinds, *passing[name]]
            port = draft.node(end.target).inputs[end.target_port]
            kinds = tuple(dict.fromkeys(kind for kind in given if accepted(kind, port)))
            if not kinds:
                raise _nothing_fits(end, given, port)
            if port.passes:
                passing[end.target] += [kind for kind in kinds if kind not in port.kinds]
            caps = solver.agreed(end.target, [end.target_port]).get(end.target_port, {})
            planned[index] = _planned(end, kinds, draft.node(end.target), caps, name in patient)
    return tuple(planned[index] for index in sorted(planned))


def _nothing_fits(end: Ends, given: list[type[Packet]], port: Port) -> GraphError:
    """Only a converter can be in such a place: else the ports were chosen by their kinds."""
    return GraphError(
        f"a converter between them does not fit: `{end.source}.{end.source_port} -> {end.target}.{port.name}`",
        where=end.where,
        expected=" or ".join(kind.__name__ for kind in port.kinds),
        found=" or ".join(kind.__name__ for kind in given),
        hint="put a node between them that converts that, or change a parameter so that both ends agree",
    )


def _can_wait(draft: _Draft, name: str, patient: set[str]) -> bool:
    """Whether what a node gives comes by calls alone from sources that are not live: a file can wait."""
    node = draft.node(name)
    if issubclass(node, Source):
        return not node.live
    feeds = [end for end in draft.links if end.target == name]
    waits = issubclass(node, Transform) and not node.interrupts  # what interrupts is never held
    return waits and all(end.source in patient and end.queue is None for end in feeds)


def _planned(
    end: Ends, kinds: tuple[type[Packet], ...], target: type[Node[Any]], caps: dict[str, Value], patient: bool
) -> PlannedLink:
    fused = issubclass(target, Transform) and end.queue is None
    default = kinds[0].queue
    if patient and default.full.startswith("drop"):
        default = replace(default, full="block")
    queue = None if fused else _queue(default, end)
    return PlannedLink(end.source, end.source_port, end.target, end.target_port, kinds, queue, caps)


def _queue(default: Queue, end: Ends) -> Queue:
    wanted = end.queue
    if wanted is None:
        return default
    return Queue(
        time=default.time if wanted.time is None else wanted.time,
        count=default.count if wanted.count is None else wanted.count,
        full=wanted.full or default.full,
    )


def _feedback(draft: _Draft, links: tuple[PlannedLink, ...]) -> list[PlannedFeedback]:
    """Every receiver of an upstream event above every sender of it."""
    above: dict[str, set[str]] = {name: set() for name in draft.members}
    for name in _order(draft):
        for link in links:
            if link.target == name:
                above[name] |= {link.source} | above[link.source]
    return [
        PlannedFeedback(sender, receiver, port.name, sent.event)
        for sender in draft.members
        for sent in draft.node(sender).sends.values()
        for receiver in draft.members
        if receiver in above[sender]
        for port in draft.node(receiver).receives.values()
        if port.event is sent.event
    ]


def _leaves(links: tuple[PlannedLink, ...], head: str) -> list[PlannedLink]:
    """The queued links that packets of a node reach by calls alone."""
    found: list[PlannedLink] = []
    for link in links:
        if link.source == head:
            found += [link] if link.queue is not None else _leaves(links, link.target)
    return found


def _check_interrupters(draft: _Draft, links: tuple[PlannedLink, ...]) -> None:
    """What decides to interrupt is never held by a full queue below it."""
    for name in draft.members:
        if not draft.node(name).interrupts:
            continue
        for leaf in _leaves(links, name):
            if leaf.queue is not None and leaf.queue.full == "block":
                raise GraphError(
                    f"`{name}` decides when to interrupt, but the link `{leaf.name}` could block it",
                    where=draft.members[name][0].where,
                    expected="a queue below it that drops or replaces",
                    found=f"full: {leaf.queue.full}",
                    hint="give that link `queue: {full: latest}` or `{full: drop_oldest}`",
                )


def _warnings(draft: _Draft, links: tuple[PlannedLink, ...]) -> list[str]:
    warnings = []
    for name in draft.members:
        node = draft.node(name)
        if issubclass(node, Source) and node.live:
            warnings += [
                f"`{name}` is live, and the link `{leaf.name}` blocks when full: sound will be dropped then"
                for leaf in _leaves(links, name)
                if leaf.queue is not None and leaf.queue.full == "block"
            ]
    return warnings


def _latency(draft: _Draft, order: list[str]) -> Latency:
    """The path with the greatest sum of what its nodes need at least."""
    best: dict[str, Latency] = {}
    for name in order:
        member = draft.members[name][0]
        own = member.node(member.params).latency()
        ways = [best[end.source] for end in draft.links if end.target == name]
        before = max(ways, key=lambda way: way.total, default=Latency(0, ()))
        parts = (*before.parts, (name, own)) if own else before.parts
        best[name] = Latency(before.total + own, parts)
    return max(best.values(), key=lambda way: way.total, default=Latency(0, ()))
