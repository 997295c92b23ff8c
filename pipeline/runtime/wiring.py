"""Assembles a session's stages, links and workers from a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import Clock
from pipeline.graph.plan import Plan, PlannedLink
from pipeline.node import Node, Service, Sink, Transform
from pipeline.packet import Packet, Stamp
from pipeline.runtime.dispatch import Push
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.running_node import Failed, RunningNode
from pipeline.runtime.service_worker import InPort, ServiceWorker
from pipeline.runtime.worker import Inlets

Observer = Callable[[PlannedLink, Packet], None]


@dataclass(slots=True)
class Wiring:
    """The running form of a plan."""

    plan: Plan
    stages: dict[str, RunningNode] = field(default_factory=dict)
    links: dict[PlannedLink, Link] = field(default_factory=dict)
    pumps: dict[str, Inlets[Push]] = field(default_factory=dict)
    """The inlets of transforms behind queues, by node."""
    servers: dict[str, list[ServiceWorker]] = field(default_factory=dict)
    """One for a service, one for each linked port of a sink; by node."""

    def links_into(self, nodes: frozenset[str]) -> list[Link]:
        """The queued links that lead to these nodes."""
        return [link for planned, link in self.links.items() if planned.target in nodes]

    def lag(self) -> int:
        """Nanoseconds that a packet has waited, at most, for a service that nothing below holds up."""
        held = (stage for name in self.servers if isinstance((stage := self.stages[name]).node, Service))
        free = {stage.name for stage in held if not stage.gates}
        waiting = (link.statistics().age for planned, link in self.links.items() if planned.target in free)
        return max(waiting, default=0)


def wire(
    plan: Plan,
    members: dict[str, list[Node[Any]]],
    *,
    root: Stamp,
    clock: Clock,
    make_server: Callable[[RunningNode], ServiceWorker],
    failed: Callable[[RunningNode], Failed],
    post: Push,
    observe: Observer | None,
) -> Wiring:
    """Wires everything; nothing runs yet."""
    built = Wiring(plan)
    for name, nodes in members.items():
        stage = built.stages[name] = RunningNode(name, nodes, root)
        stage.failed = failed(stage)
        for sent in stage.node.sends.values():
            stage.routes.add(sent.event, post)
    for link in plan.links:
        built.stages[link.target].feeders += 1
        built.stages[link.target].bind(link.target_port, link.kinds)
    for link in plan.links:
        _wire(built, link, clock, make_server, observe)
    for name in plan.nodes:
        _find_gates(built, built.stages[name])
    for feedback in plan.feedback:
        receiver = built.stages[feedback.target]
        receiver.bind(feedback.target_port, (feedback.event,))
        built.stages[feedback.source].routes.add(feedback.event, _soon(receiver.entry(feedback.target_port)))
    return built


def _wire(
    built: Wiring,
    planned: PlannedLink,
    clock: Clock,
    make_server: Callable[[RunningNode], ServiceWorker],
    observe: Observer | None,
) -> None:
    source, target = built.stages[planned.source], built.stages[planned.target]
    if planned.queue is None:
        source.below.append(target)
        push = target.entry(planned.target_port)
    else:
        link = built.links[planned] = make_link(planned.name, planned.queue, clock.now)
        source.below.append(link)
        push = link.push
        _connect(built, planned, target, link, make_server)
    if observe is not None:
        push = _observed(observe, planned, push)
    for kind in planned.kinds:
        source.routes.add(kind, push)


def _connect(
    built: Wiring,
    planned: PlannedLink,
    target: RunningNode,
    link: Link,
    make_server: Callable[[RunningNode], ServiceWorker],
) -> None:
    if isinstance(target.node, Transform):
        inlets = built.pumps.setdefault(target.name, Inlets())
        inlets.add(link, target.entry(planned.target_port))
        return
    port = InPort(planned.target_port, target.node.inputs[planned.target_port].gated)
    servers = built.servers.setdefault(target.name, [])
    server = next((s for s in servers if not isinstance(target.node, Sink) or s.port == port.name), None)
    if server is None:
        server = make_server(target)
        server.port = port.name
        servers.append(server)
    server.inlets.add(link, port)


def _find_gates(built: Wiring, stage: RunningNode) -> None:
    """The blocking links that packets of this stage can reach by calls alone."""
    waiting: list[RunningNode | Link] = list(stage.below)
    while waiting:
        below = waiting.pop(0)
        if isinstance(below, RunningNode):
            waiting.extend(below.below)
        elif below.blocks and below not in stage.gates:
            stage.gates.append(below)


def _observed(observe: Observer, planned: PlannedLink, push: Push) -> Push:
    def observed(packet: Any) -> None:
        observe(planned, packet)
        push(packet)

    return observed


def _soon(entry: Push) -> Push:
    """Upstream events never run inside the node that sends them."""
    loop = asyncio.get_running_loop()
    return lambda event: _discard(loop.call_soon(entry, event))


def _discard(_: object) -> None:
    return None
