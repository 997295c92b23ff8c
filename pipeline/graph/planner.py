"""Plans a graph: finds ports, unifies caps, inserts converters, chooses kinds and queues.

A link carries the kinds that its source gives and its target takes, and there must be one.
The caps of both ends are unified; a mismatch that a registered converter can bridge gets
that converter. A link to a transform is fused unless the graph asks for a queue; a link to
a service or sink is queued. Feedback goes by upstream events, so a cycle is an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from operator import or_
from typing import Any

from pipeline.caps import Value
from pipeline.errors import MAX_LISTED, GraphError
from pipeline.graph.caps_solver import CapsSolver, unify
from pipeline.graph.graph import Graph, LinkSpec, Member
from pipeline.graph.links import accepts, with_ports
from pipeline.graph.plan import Latency, Plan, PlannedFeedback, PlannedLink, PlannedNode
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import Event, Packet, Queue
from pipeline.params import show_duration
from pipeline.port import Port

MAX_FEEDBACK = 100_000
"""Pairs of a sender and a receiver of an upstream event in one graph."""


class _Draft:
    """The nodes and links of a graph that is being planned, with its links by node."""

    def __init__(self, members: Mapping[str, tuple[Member, ...]], links: Sequence[LinkSpec]) -> None:
        self.members = members
        self.links = links
        self.incoming: defaultdict[str, list[LinkSpec]] = defaultdict(list)
        self.outgoing: defaultdict[str, list[LinkSpec]] = defaultdict(list)
        for link in links:
            self.incoming[link.target].append(link)
            self.outgoing[link.source].append(link)

    def node(self, name: str) -> type[Node[Any]]:
        """The class of a node's primary."""
        return self.members[name][0].node


def plan(graph: Graph, registry: Registry) -> Plan:
    """The plan of a graph; raises GraphError where nodes do not fit together, with both ends of what does not."""
    members = {name: spec.members for name, spec in graph.nodes.items()}
    links = [with_ports(link, members[link.source][0].node, members[link.target][0].node) for link in graph.links]
    draft = _Draft(members, links)
    _check_linked(draft)
    order = _order(draft)
    members, links, solver = unify(members, links, registry)
    if len(members) > len(graph.nodes):
        draft = _Draft(members, links)
        order = _order(draft)
    planned = _kinds_and_queues(draft, order, solver)
    needed = _needed(draft, order)
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
    _check_interrupters(draft, blocked := _blocked(draft, order, planned))
    latency = _latency(draft, order)
    warnings = (*_over_budget(graph, latency), *islice(_blocked_sources(draft, blocked), MAX_LISTED))
    return Plan(graph, nodes, planned, tuple(_feedback(draft, order)), latency, warnings)


def _check_linked(draft: _Draft) -> None:
    """Every input that is not optional has a link, and so has one output of every node."""
    for name, (member, *_) in draft.members.items():
        node = member.node
        linked = {link.target_port for link in draft.incoming[name]}
        for port in node.inputs.values():
            if port.name not in linked and (not port.optional or not linked):
                raise GraphError(
                    f"nothing is linked to the input `{name}.{port.name}`",
                    where=member.where,
                    expected=f"a link that brings {', '.join(kind.__name__ for kind in port.kinds)}",
                    hint=f"add `- some_node -> {name}.{port.name}` to links",
                )
        if node.outputs and not draft.outgoing[name]:
            raise GraphError(
                f"what `{name}` gives goes nowhere",
                where=member.where,
                expected=f"a link from {' or '.join(f'`{name}.{port}`' for port in node.outputs)}",
                hint=f"add `- {name} -> some_node` to links, or remove the node",
            )
        node(member.params).check_links({link.source_port for link in draft.outgoing[name]}, member.where)


def _order(draft: _Draft) -> list[str]:
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


def _kinds_and_queues(draft: _Draft, order: list[str], solver: CapsSolver) -> tuple[PlannedLink, ...]:
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


def _can_wait(draft: _Draft, name: str, patient: set[str]) -> bool:
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


# --- what follows from the links


def _needed(draft: _Draft, order: list[str]) -> set[str]:
    """The nodes from which some path of links leads to the end of the graph without an optional input."""
    needed: set[str] = set()
    for name in reversed(order):
        links = draft.outgoing[name]
        if not (links or issubclass(draft.node(name), Service)) or any(  # a service without outputs only advises
            link.target in needed and not draft.node(link.target).inputs[link.target_port].optional for link in links
        ):
            needed.add(name)
    return needed


def _feedback(draft: _Draft, order: list[str]) -> Iterator[PlannedFeedback]:
    """Every receiver of an upstream event above every sender of it; raises GraphError for too many of them."""
    receivers = [(name, port) for name in draft.members for port in draft.node(name).receives.values()]
    of_node: defaultdict[str, int] = defaultdict(int)
    of_event: defaultdict[type[Event], int] = defaultdict(int)
    for number, (name, port) in enumerate(receivers):
        of_node[name] |= 1 << number
        of_event[port.event] |= 1 << number
    above: dict[str, int] = {}
    for name in order:  # one operation a link, however long the paths
        above[name] = reduce(or_, (above[link.source] | of_node[link.source] for link in draft.incoming[name]), 0)
    pairs = 0
    for sender in draft.members:
        for sends in draft.node(sender).sends.values():
            found = above[sender] & of_event[sends.event]
            pairs += found.bit_count()
            if pairs > MAX_FEEDBACK:
                message = f"too many nodes send and receive upstream events, such as `{sends.event.__name__}`"
                expected = f"at most {MAX_FEEDBACK} pairs of a sender and a receiver above it"
                raise GraphError(message, where=draft.members[sender][0].where, expected=expected)
            while found:
                receiver, port = receivers[(found & -found).bit_length() - 1]
                yield PlannedFeedback(sender, receiver, port.name, port.event)
                found &= found - 1


def _blocked(draft: _Draft, order: list[str], links: Sequence[PlannedLink]) -> dict[str, list[PlannedLink]]:
    """For each node the first 40 links that its packets reach by calls alone and that block when full."""
    positions = {id(link): position for position, link in enumerate(draft.links)}
    reached: dict[str, list[int]] = {}
    for name in reversed(order):
        leaves: set[int] = set()
        for link in draft.outgoing[name]:
            queue = links[positions[id(link)]].queue
            if queue is None:
                leaves.update(reached[link.target])
            elif queue.full == "block":
                leaves.add(positions[id(link)])
        reached[name] = sorted(leaves)[:MAX_LISTED]
    return {name: [links[position] for position in found] for name, found in reached.items()}


def _check_interrupters(draft: _Draft, blocked: Mapping[str, list[PlannedLink]]) -> None:
    """A node that decides to interrupt must never be held by a full queue below it."""
    for name in draft.members:
        if draft.node(name).interrupts and blocked[name]:
            raise GraphError(
                f"`{name}` decides when to interrupt, but the link `{blocked[name][0].name}` could block it",
                where=draft.members[name][0].where,
                expected="a queue below it that drops or replaces",
                found="full: block",
                hint="give that link `queue: {full: latest}` or `{full: drop_oldest}`",
            )


def _blocked_sources(draft: _Draft, blocked: Mapping[str, list[PlannedLink]]) -> Iterator[str]:
    for name in draft.members:
        node = draft.node(name)
        if issubclass(node, Source) and node.live:
            for leaf in blocked[name]:
                yield f"`{name}` is live, and the link `{leaf.name}` blocks when full: sound will be dropped then"


def _over_budget(graph: Graph, latency: Latency) -> Iterator[str]:
    """A warning if the least latency is above the graph's budget."""
    budget = graph.budget.voice_to_voice
    if budget is not None and latency.total > budget:
        least = show_duration(latency.total)
        yield f"the budget `voice_to_voice: {show_duration(budget)}` cannot be met: the least latency is {least}"


def _latency(draft: _Draft, order: list[str]) -> Latency:
    """The path with the greatest sum of the least latencies of its nodes."""
    own: dict[str, int] = {}
    total: dict[str, int] = {}
    before: dict[str, str | None] = {}
    for name in order:
        member = draft.members[name][0]
        own[name] = member.node(member.params).latency()
        sources = (link.source for link in draft.incoming[name])
        slowest = before[name] = max(sources, key=total.__getitem__, default=None)
        total[name] = own[name] + (total[slowest] if slowest else 0)
    here = max(total, key=total.__getitem__, default=None)
    parts: list[tuple[str, int]] = []
    while here is not None:
        if own[here]:
            parts.append((here, own[here]))
        here = before[here]
    return Latency(max(total.values(), default=0), tuple(reversed(parts)))
