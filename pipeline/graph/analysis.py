"""What follows from the links of a graph: what is needed, what flows back, what may block, how long it takes.

Each is one walk along the links, so that the time grows with the number of links and not with that of paths.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.errors import MAX_LISTED, GraphError, Location
from pipeline.graph.graph import Graph, LinkSpec, Member
from pipeline.graph.plan import Latency, PlannedFeedback, PlannedLink, reachable
from pipeline.node import Node, Source
from pipeline.packet import Event
from pipeline.params import show_duration

MAX_FEEDBACK = 100_000
"""Pairs of a sender and a receiver of an upstream event in one graph."""


class Draft:
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


def needed_nodes(draft: Draft, order: list[str]) -> set[str]:
    """The nodes from which some path of links leads to the end of the graph without an optional input."""
    needed: set[str] = set()
    for name in reversed(order):
        links = draft.outgoing[name]
        if not links or any(
            link.target in needed and not draft.node(link.target).inputs[link.target_port].optional for link in links
        ):
            needed.add(name)
    return needed


def feedback_of(draft: Draft, order: list[str]) -> Iterator[PlannedFeedback]:
    """Every receiver of an upstream event above every sender of it."""
    receivers: list[tuple[str, str, type[Event]]] = []
    of_event: defaultdict[type[Event], int] = defaultdict(int)
    of_node: defaultdict[str, int] = defaultdict(int)
    for name in draft.members:
        for port in draft.node(name).receives.values():
            bit = 1 << len(receivers)
            receivers.append((name, port.name, port.event))
            of_event[port.event] |= bit
            of_node[name] |= bit
    above = _bits_above(draft, order, of_node)
    pairs = 0
    for sender in draft.members:
        for sends in draft.node(sender).sends.values():
            found = above[sender] & of_event[sends.event]
            pairs += found.bit_count()
            if pairs > MAX_FEEDBACK:
                raise _too_much_feedback(sends.event, draft.members[sender][0].where)
            while found:
                receiver, port_name, event = receivers[(found & -found).bit_length() - 1]
                yield PlannedFeedback(sender, receiver, port_name, event)
                found &= found - 1


def _bits_above(draft: Draft, order: list[str], of_node: Mapping[str, int]) -> dict[str, int]:
    """The union of the bits of all nodes above each node: one operation a link, however long the paths."""
    above: dict[str, int] = {}
    for name in order:
        bits = 0
        for link in draft.incoming[name]:
            bits |= above[link.source] | of_node.get(link.source, 0)
        above[name] = bits
    return above


def _too_much_feedback(event: type[Event], where: Location) -> GraphError:
    return GraphError(
        f"the graph has too many pairs of nodes between which `{event.__name__}` is sent",
        where=where,
        expected=f"at most {MAX_FEEDBACK} pairs of a sender and a receiver above it, of all events",
        hint="split the graph into several",
    )


def blocked_nodes(draft: Draft, order: list[str], links: Sequence[PlannedLink]) -> dict[str, PlannedLink]:
    """For each node the first link that its packets reach by calls alone and that blocks when full, if there is one."""
    positions = {id(link): position for position, link in enumerate(draft.links)}
    first: dict[str, int] = {}
    for name in reversed(order):
        for link in draft.outgoing[name]:
            position = positions[id(link)]
            queue = links[position].queue
            leaf = first.get(link.target) if queue is None else position if queue.full == "block" else None
            if leaf is not None:
                first[name] = min(leaf, first.get(name, leaf))
    return {name: links[position] for name, position in first.items()}


def _blocking(links: Sequence[PlannedLink], head: str) -> Iterator[PlannedLink]:
    """The links that packets of a node reach by calls alone, and that block when full."""
    fused: defaultdict[str, list[str]] = defaultdict(list)
    for link in links:
        if link.queue is None:
            fused[link.source].append(link.target)
    segment = {head, *reachable(head, fused)}
    return (link for link in links if link.source in segment and link.queue and link.queue.full == "block")


def check_interrupters(draft: Draft, blocked: Mapping[str, PlannedLink]) -> None:
    """A node that decides to interrupt must never be held by a full queue below it."""
    for name in draft.members:
        if draft.node(name).interrupts and (leaf := blocked.get(name)):
            raise GraphError(
                f"`{name}` decides when to interrupt, but the link `{leaf.name}` could block it",
                where=draft.members[name][0].where,
                expected="a queue below it that drops or replaces",
                found="full: block",
                hint="give that link `queue: {full: latest}` or `{full: drop_oldest}`",
            )


def blocked_sources(draft: Draft, links: Sequence[PlannedLink], blocked: Mapping[str, PlannedLink]) -> Iterator[str]:
    """A warning for each link that blocks when full and that a live source reaches by calls; at most 40."""
    warned = 0
    for name in draft.members:
        node = draft.node(name)
        if name not in blocked or not (issubclass(node, Source) and node.live):
            continue
        for leaf in _blocking(links, name):
            warned += 1
            if warned > MAX_LISTED:
                yield "more links block when full below a live source"
                return
            yield f"`{name}` is live, and the link `{leaf.name}` blocks when full: sound will be dropped then"


def over_budget(graph: Graph, latency: Latency) -> Iterator[str]:
    """A warning if the least latency is above the graph's budget."""
    budget = graph.budget.voice_to_voice
    if budget is not None and latency.total > budget:
        least = show_duration(latency.total)
        yield f"the budget `voice_to_voice: {show_duration(budget)}` cannot be met: the least latency is {least}"


def latency_of(draft: Draft, order: list[str]) -> Latency:
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
    longest = total[here] if here else 0
    parts: list[tuple[str, int]] = []
    while here is not None:
        if own[here]:
            parts.append((here, own[here]))
        here = before[here]
    return Latency(longest, tuple(reversed(parts)))
