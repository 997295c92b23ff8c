"""Unifies the caps of a graph: what every port's rate, channels and so on will be.

Each constraint of each port is a variable with the values that it allows. `same(...)`
ties variables of one node; a link ties the two ends' variables of the same name. Tied
variables share one set of values; a tie that would leave none is a mismatch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pipeline.caps import Allowed, FromParam, OneOf, Same, Value, intersect
from pipeline.node import Node
from pipeline.params import Params
from pipeline.port import Port


class Variable(NamedTuple):
    """One constraint of one port of one node."""

    node: str
    port: str
    name: str


class CapsSolver:
    """Variables, tied and narrowed as nodes and links are added."""

    def __init__(self) -> None:
        self._parent: dict[Variable, Variable] = {}
        self._allowed: dict[Variable, Allowed] = {}

    def add(self, name: str, node: type[Node[Any]], params: Params) -> None:
        """The ports of one node."""
        ports: dict[str, Port] = {**node.inputs, **node.outputs}
        for port in ports.values():
            for key, constraint in port.caps.items():
                variable = Variable(name, port.name, key)
                self._parent[variable] = variable
                self._allowed[variable] = _allowed(constraint, params)
        for port in ports.values():
            for key, constraint in port.caps.items():
                if isinstance(constraint, Same):
                    self._ensure(Variable(name, constraint.port, key))
                    self._tie(Variable(name, port.name, key), Variable(name, constraint.port, key))

    def _ensure(self, variable: Variable) -> None:
        """A constraint that a port does not mention is free."""
        self._parent.setdefault(variable, variable)
        self._allowed.setdefault(variable, None)

    def link(self, source: tuple[str, str], target: tuple[str, str]) -> tuple[str, ...]:
        """Ties two ports; the names of the constraints that they cannot agree on, which it leaves as they are."""
        names = {variable.name for variable in self._parent if variable[:2] in (source, target)}
        mismatches = []
        for name in sorted(names):
            ends = [Variable(*source, name), Variable(*target, name)]
            known = [end for end in ends if end in self._parent]
            if len(known) == 2 and not self._tie(*known):
                mismatches.append(name)
        return tuple(mismatches)

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
            variable = parent
        return variable

    def allowed(self, node: str, port: str) -> dict[str, Allowed]:
        """What is left for each constraint of a port."""
        mine = (variable for variable in self._parent if variable[:2] == (node, port))
        return {variable.name: self._allowed[self._root(variable)] for variable in mine}

    def agreed(self, node: str, ports: Iterable[str]) -> dict[str, dict[str, Value]]:
        """The most wanted value of each constraint; those that stayed free are left out."""
        result: dict[str, dict[str, Value]] = {}
        for port in ports:
            values = {name: allowed[0] for name, allowed in self.allowed(node, port).items() if allowed}
            if values:
                result[port] = values
        return result


def _allowed(constraint: object, params: Params) -> Allowed:
    if isinstance(constraint, OneOf):
        return constraint.values
    if isinstance(constraint, FromParam):
        value = getattr(params, constraint.name)
        return None if value is None else (value,)
    return None
