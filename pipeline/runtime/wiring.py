"""Wires a session from its plan: running nodes, links, and the workers between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import Clock
from pipeline.graph.plan import Plan, PlannedLink
from pipeline.node import Service, Sink, Transform
from pipeline.packet import Stamp
from pipeline.runtime.dispatch import Push
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.report import Observer
from pipeline.runtime.running_node import RunningMember, RunningNode
from pipeline.runtime.service_worker import InPort, ServiceWorker
from pipeline.runtime.worker import Inlets

MakeWorker = Callable[[RunningNode, str], ServiceWorker]
"""The worker of a running node that serves this port."""


@dataclass(slots=True)
class Wiring:
    """The running form of a plan."""

    nodes: dict[str, RunningNode] = field(default_factory=dict)
    links: dict[PlannedLink, Link] = field(default_factory=dict)
    """The queued ones."""
    pumps: dict[str, Inlets[Push]] = field(default_factory=dict)
    """The inlets of transforms behind queues, by node."""
    workers: dict[str, list[ServiceWorker]] = field(default_factory=dict)
    """By node: one for a service, one for each linked port of a sink."""

    def links_into(self, nodes: frozenset[str]) -> list[Link]:
        """The queued links that lead to these nodes."""
        return [link for planned, link in self.links.items() if planned.target in nodes]

    def flush(self, nodes: frozenset[str]) -> list[ServiceWorker]:
        """Drops revoked packets, replaces states and cancels work, in these nodes; their workers.

        A call that runs no handler of a node.
        """
        for link in self.links_into(nodes):
            link.flush()
        flushed: list[ServiceWorker] = []
        for name, running in self.nodes.items():
            if name in nodes:
                if isinstance(running.node, Transform):
                    running.node.reset()
                for worker in self.workers.get(name, ()):
                    worker.flush()
                    flushed.append(worker)
        return flushed

    def all_workers(self) -> list[ServiceWorker]:
        """The workers of all nodes."""
        return [worker for workers in self.workers.values() for worker in workers]

    def lag(self) -> int:
        """Nanoseconds that a packet has waited, at most, for a service with room below it."""
        services = (self.nodes[name] for name in self.workers if isinstance(self.nodes[name].node, Service))
        free = {running.name for running in services if not running.blocking}
        waiting = (link.statistics().age for planned, link in self.links.items() if planned.target in free)
        return max(waiting, default=0)


def wire(
    plan: Plan,
    members: Mapping[str, Sequence[RunningMember]],
    *,
    root: Stamp,
    clock: Clock,
    make_worker: MakeWorker,
    post: Push,
    observe: Observer | None,
) -> Wiring:
    """Makes everything and connects it; nothing runs yet."""
    made = Wiring()
    for name, chain in members.items():
        running = made.nodes[name] = RunningNode(name, chain, root)
        for sent in running.node.sends.values():
            running.routes.add(sent.event, post)
    for link in plan.links:
        made.nodes[link.target].feeders += 1
        made.nodes[link.target].bind(link.target_port, link.kinds)
    for link in plan.links:
        _connect(made, link, clock, make_worker)
    for running in made.nodes.values():
        _find_blocking(running)
        if observe is not None:
            _observe(running, observe)
    for feedback in plan.feedback:
        receiver = made.nodes[feedback.target]
        receiver.bind(feedback.target_port, (feedback.event,))
        made.nodes[feedback.source].routes.add(feedback.event, _soon(receiver.entry(feedback.target_port)))
    return made


def _connect(made: Wiring, planned: PlannedLink, clock: Clock, make_worker: MakeWorker) -> None:
    source, target = made.nodes[planned.source], made.nodes[planned.target]
    if planned.queue is None:
        source.below.append(target)
        push = target.entry(planned.target_port)
    else:
        link = made.links[planned] = make_link(planned.name, planned.queue, clock.now)
        source.below.append(link)
        push = link.push
        _connect_consumer(made, planned, target, link, make_worker)
    for kind in planned.kinds:
        source.routes.add(kind, push)


def _connect_consumer(
    made: Wiring, planned: PlannedLink, target: RunningNode, link: Link, make_worker: MakeWorker
) -> None:
    if isinstance(target.node, Transform):
        made.pumps.setdefault(target.name, Inlets()).add(link, target.entry(planned.target_port))
        return
    port = InPort(planned.target_port, target.node.inputs[planned.target_port].gated)
    workers = made.workers.setdefault(target.name, [])
    worker = next((each for each in workers if not isinstance(target.node, Sink) or each.port == port.name), None)
    if worker is None:
        worker = make_worker(target, port.name)
        workers.append(worker)
    worker.inlets.add(link, port)


def _find_blocking(running: RunningNode) -> None:
    """The blocking links that packets of this node can reach by calls alone."""
    ahead: list[RunningNode | Link] = list(running.below)
    while ahead:
        below = ahead.pop(0)
        if isinstance(below, RunningNode):
            ahead.extend(below.below)
        elif below.blocks and below not in running.blocking:
            running.blocking.append(below)


def _observe(running: RunningNode, observe: Observer) -> None:
    """Lets the observer see each packet of the node's own outputs once, before the links get it."""
    for kind in {kind for port in running.node.outputs.values() for kind in port.kinds}:
        push = running.routes[kind]

        def observed(packet: Any, push: Push = push) -> None:
            observe(running.name, packet)
            push(packet)

        running.routes[kind] = observed


def _soon(entry: Push) -> Push:
    """Upstream events never run inside the node that sends them."""
    loop = asyncio.get_running_loop()

    def send(event: Any) -> None:
        loop.call_soon(entry, event)

    return send
