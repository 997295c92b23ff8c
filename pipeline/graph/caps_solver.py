"""Unifies the caps of a graph: the rate, channels and so on of every port.

Each constraint of each port is a variable with the values that it allows. `same(...)`
ties variables of one node; a link ties the variables of the same name at its two ends.
Tied variables share one set of values; a tie that would leave none is a mismatch, which a
registered converter may bridge.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pipeline.caps import Allowed, FromParam, OneOf, Same, Value, describe, intersect
from pipeline.errors import GraphError
from pipeline.graph.graph import LinkSpec, Member
from pipeline.graph.registry import Registry
from pipeline.node import Node
from pipeline.params import Params
from pipeline.port import Port


class Variable(NamedTuple):
    """One constraint of one port of one node."""

    node: str
    port: str
    name: str


class CapsSolver:
    """The variables, tied and narrowed as nodes and links are added."""

    def __init__(self) -> None:
        self._parent: dict[Variable, Variable] = {}
        self._allowed: dict[Variable, Allowed] = {}
        self._names: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """The constraints of each (node, port)."""

    def add(self, name: str, node: type[Node[Any]], params: Params) -> None:
        """Adds the ports of one node."""
        ports: dict[str, Port] = {**node.inputs, **node.outputs}
        for port in ports.values():
            for key, constraint in port.caps.items():
                self._add(Variable(name, port.name, key), _allowed(constraint, params))
        for port in ports.values():
            for key, constraint in port.caps.items():
                if isinstance(constraint, Same):
                    other = Variable(name, constraint.port, key)
                    if other not in self._parent:
                        self._add(other, None)  # a constraint that a port does not mention is free
                    self._tie(Variable(name, port.name, key), other)

    def _add(self, variable: Variable, allowed: Allowed) -> None:
        self._parent[variable] = variable
        self._allowed[variable] = allowed
        self._names[variable.node, variable.port].append(variable.name)

    def link(self, source: tuple[str, str], target: tuple[str, str]) -> tuple[str, ...]:
        """Ties two ports; returns the names of the constraints that do not agree, which stay untied."""
        common = sorted(set(self._names[source]) & set(self._names[target]))
        return tuple(name for name in common if not self._tie(Variable(*source, name), Variable(*target, name)))

    def _tie(self, a: Variable, b: Variable) -> bool:
        root_a, root_b = self._root(a), self._root(b)
        if root_a == root_b:
            return True
        both = intersect(self._allowed[root_a], self._allowed[root_b])
        if both == ():
            return False
        self._parent[root_b] = root_a
        self._allowed[root_a] = both
        return True

    def _root(self, variable: Variable) -> Variable:
        while (parent := self._parent[variable]) != variable:
            self._parent[variable] = variable = self._parent[parent]  # halves the path for the next look-up
        return variable

    def allowed(self, node: str, port: str) -> dict[str, Allowed]:
        """The values that each constraint of a port still allows."""
        return {name: self._allowed[self._root(Variable(node, port, name))] for name in self._names[node, port]}

    def agreed(self, node: str, ports: Iterable[str]) -> dict[str, dict[str, Value]]:
        """The most wanted value of each constraint, by port; those that are free are left out."""
        result: dict[str, dict[str, Value]] = {}
        for port in ports:
            values = {name: allowed[0] for name, allowed in self.allowed(node, port).items() if allowed}
            if values:
                result[port] = values
        return result


def unify(
    members: Mapping[str, tuple[Member, ...]], links: Iterable[LinkSpec], registry: Registry
) -> tuple[dict[str, tuple[Member, ...]], list[LinkSpec], CapsSolver]:
    """The nodes and links with the converters that they need, and the caps of all ports.

    Raises GraphError where the two ends of a link disagree and no converter can bridge that.
    """
    solver = CapsSolver()
    for name, (primary, *_) in members.items():
        solver.add(name, primary.node, primary.params)
    all_members = dict(members)
    all_links: list[LinkSpec] = []
    for link in links:
        mismatches = _tie(solver, link)
        all_links += _bridge(all_members, registry, solver, link, mismatches) if mismatches else [link]
    return all_members, all_links, solver


def _tie(solver: CapsSolver, link: LinkSpec) -> tuple[str, ...]:
    return solver.link((link.source, link.source_port), (link.target, link.target_port))


def _bridge(
    members: dict[str, tuple[Member, ...]],
    registry: Registry,
    solver: CapsSolver,
    link: LinkSpec,
    mismatches: tuple[str, ...],
) -> list[LinkSpec]:
    """Puts a converter into a link whose two ends disagree on one constraint."""
    converter = registry.converter(mismatches[0]) if len(mismatches) == 1 else None
    if converter is None:
        raise _misfit(solver, link, mismatches)
    use, node = converter
    wanted = f"{node.__name__.lower()}_{link.source}_{link.target}"
    others = (f"{wanted}_{number}" for number in itertools.count(2))
    name = next(name for name in itertools.chain((wanted,), others) if name not in members)
    params = node.params_type()
    members[name] = (Member(use, node, params, link.where),)
    solver.add(name, node, params)
    before = replace(link, target=name, target_port=next(iter(node.inputs)), queue=None)
    after = replace(link, source=name, source_port=next(iter(node.outputs)))
    for part in (before, after):
        if left := _tie(solver, part):
            raise _misfit(solver, part, left)
    return [before, after]


def _misfit(solver: CapsSolver, link: LinkSpec, constraints: tuple[str, ...]) -> GraphError:
    given = solver.allowed(link.source, link.source_port)
    taken = solver.allowed(link.target, link.target_port)
    return GraphError(
        f"`{link.source}.{link.source_port}` does not fit `{link.target}.{link.target_port}`",
        where=link.where,
        expected=describe({name: taken[name] for name in constraints}),
        found=describe({name: given[name] for name in constraints}),
        hint=f"nothing converts {' and '.join(constraints)} by itself: change a parameter, or put a node between them",
    )


def _allowed(constraint: object, params: Params) -> Allowed:
    if isinstance(constraint, OneOf):
        return constraint.values
    if isinstance(constraint, FromParam):
        value = getattr(params, constraint.name)
        return None if value is None else (value,)
    return None
