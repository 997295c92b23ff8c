"""Injects faults into a plan by replacing the affected members with subclasses that misbehave."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any

from pipeline.errors import GraphError, did_you_mean, listing
from pipeline.graph.plan import Plan, PlannedNode
from pipeline.graph.problems import Problems
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import Event, Packet
from vitagraph.chaos.faults import FaultInjector
from vitagraph.chaos.spec import Chaos, FaultSpec, why_not_applicable

UNREACHABLE_REDIS = "redis://127.0.0.1:1/0"
"""A Redis URL at which no server listens."""


def inject_faults(plan: Plan, chaos: Chaos) -> Plan:
    """Returns the plan with these faults; raises GraphError for faults that do not apply to it."""
    _check(plan, chaos)
    made = plan
    for name, place in dict.fromkeys((fault.node, fault.member) for fault in chaos.faults):
        faults = tuple(fault for fault in chaos.faults if (fault.node, fault.member) == (name, place))
        made = _replace_member(made, name, place, _make_injector(faults, f"{chaos.seed}/{name}/{place}"))
    away = {fault.node for fault in chaos.faults if fault.fault == "redis_away"}
    return _without_redis(made, away) if away else made


def _replace_member(plan: Plan, name: str, place: int, make: Callable[[], FaultInjector]) -> Plan:
    """Replaces one member by a subclass whose every instance gets its own injector."""
    planned = plan.nodes[name]
    members = list(planned.members)
    members[place] = dataclasses.replace(members[place], node=_faulty_class(members[place].node, make))
    return dataclasses.replace(plan, nodes={**plan.nodes, name: dataclasses.replace(planned, members=tuple(members))})


def _make_injector(faults: tuple[FaultSpec, ...], seed: str) -> Callable[[], FaultInjector]:
    random = Random(seed)  # shared by all instances, so that calls differ
    return lambda: FaultInjector(faults, random)


# --- checking


def _check(plan: Plan, chaos: Chaos) -> None:
    problems = Problems()
    for number, fault in enumerate(chaos.faults):
        with problems.collect():
            _check_one(plan, fault, chaos, number)
    problems.raise_all()


def _check_one(plan: Plan, fault: FaultSpec, chaos: Chaos, number: int) -> None:
    where = chaos.places[number] if chaos.places else None
    spec = plan.graph.nodes.get(fault.node)
    if spec is None:
        known = plan.graph.nodes
        hint = did_you_mean(fault.node, known)
        raise GraphError(f"the graph has no node `{fault.node}`", where=where, expected=listing(known), hint=hint)
    if fault.member >= len(spec.members):
        raise GraphError(
            f"`{fault.node}` has no member {fault.member}",
            where=where,
            expected=listing(f"{place} ({each.use})" for place, each in enumerate(spec.members)),
        )
    if reason := why_not_applicable(fault.fault, spec, spec.members[fault.member]):
        raise GraphError(f"the fault `{fault.fault}` does not apply to `{fault.node}`: {reason}", where=where)


# --- Redis


def _without_redis(plan: Plan, names: set[str]) -> Plan:
    """Points shared limits and caches at an unreachable Redis; policies read the URL only once, when they are made."""
    nodes = {name: _with_unreachable_redis(node) if name in names else node for name, node in plan.nodes.items()}
    return dataclasses.replace(plan, nodes=nodes)


def _with_unreachable_redis(node: PlannedNode) -> PlannedNode:
    limit, cache = node.limit, node.cache
    if limit is not None and limit.shared:
        limit = limit.model_copy(update={"shared": UNREACHABLE_REDIS})
    if cache is not None and cache.shared:
        cache = cache.model_copy(update={"shared": UNREACHABLE_REDIS})
    return dataclasses.replace(node, limit=limit, cache=cache)


# --- subclasses


def _faulty_class(node: type[Node[Any]], make: Callable[[], FaultInjector]) -> type[Node[Any]]:
    body: dict[str, Any] = {"__init__": _init(node, make), "open": _open(node), "__module__": node.__module__}
    if issubclass(node, Service):
        body["probe"] = _probe(node)
        if node.resume is not Service.resume:
            body["resume"] = _resume(node)
    if issubclass(node, Source):
        body["run"] = _run(node)
    made: type[Node[Any]] = type(node.__name__, (node,), body)
    wrap = _transform if issubclass(node, Transform) else _service if issubclass(node, Service) else _sink
    made.handlers = {
        port: {kind: wrap(handler) if port in node.inputs else handler for kind, handler in table.items()}
        for port, table in node.handlers.items()
    }
    return made


def _init(node: type[Node[Any]], make: Callable[[], FaultInjector]) -> Any:
    def __init__(self: Any, *params: Any, **settings: Any) -> None:
        node.__init__(self, *params, **settings)
        self._injector = make()

    return __init__


def _open(node: type[Node[Any]]) -> Any:
    async def open(self: Any) -> None:
        await self._injector.before_open(self)
        await node.open(self)

    return open


def _probe(node: type[Service[Any]]) -> Any:
    async def probe(self: Any) -> None:
        await self._injector.before_probe(self)
        await node.probe(self)

    return probe


def _resume(node: type[Service[Any]]) -> Any:
    def resume(self: Any, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[Packet | Event]:
        rest: AsyncIterator[Packet | Event] = self._injector.wrap(self, lambda: node.resume(self, packet, made))
        return rest

    return resume


def _run(node: type[Source[Any]]) -> Any:
    def run(self: Any) -> AsyncIterator[Packet]:
        given: AsyncIterator[Packet] = self._injector.wrap_source(self, node.run(self))
        return given

    return run


def _service(handler: Any) -> Any:
    def handle(self: Any, packet: Packet) -> Any:
        return self._injector.wrap(self, lambda: handler(self, packet))

    return handle


def _sink(handler: Any) -> Any:
    if not inspect.isasyncgenfunction(handler):

        async def handle(self: Any, packet: Packet) -> Any:
            await self._injector.before_work(self)
            return await handler(self, packet)

        return handle

    async def handle_each(self: Any, packet: Packet) -> Any:
        await self._injector.before_work(self)
        async for event in handler(self, packet):
            yield event

    return handle_each


def _transform(handler: Any) -> Any:
    def handle(self: Any, packet: Packet) -> Any:
        return self._injector.wrap_sync(self, lambda: tuple(handler(self, packet)))

    return handle
