"""The cells of a drill: which faults are injected into which node."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nodes.packets import Transcript
from pipeline.errors import GraphError, did_you_mean, listing
from pipeline.graph.graph import NodeSpec
from pipeline.graph.plan import Plan
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import SECOND
from vitagraph.chaos.spec import FAULTS, OUTPUT_FAULTS, TIMED_FAULTS, Chaos, FaultName, FaultSpec, why_not_applicable

QUESTIONS = (1 * SECOND, 61 * SECOND, 121 * SECOND, 151 * SECOND)
"""When the question is asked: before, during and after the fault; the fourth time only if still not recovered."""
AT_WORK = (59 * SECOND, 116 * SECOND)
"""Start and end of a fault; long enough for every deadline to expire within it."""
AT_START = (0, 55 * SECOND)
"""Start and end of a fault in opening a member."""
LENGTH = 190 * SECOND
"""Duration of the recording."""
OPENING_FAULTS: frozenset[FaultName] = frozenset({"slow_load", "load_error"})
"""Faults in opening a member."""
DELAYING_FAULTS: frozenset[FaultName] = frozenset({"latency", "slow_load", "clock_jump"})
"""Faults with which the member itself still answers, late."""
APOLOGY, NOBODY = "apology", "nobody"


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in the primary of one node."""

    node: str
    fault: FaultName
    use: str
    """The primary, as the graph names it."""
    stands_in: bool = True
    """Whether turns are still answered: by a fallback, by an apology, or a little later."""
    ends: bool = False
    """Whether the fault ends the call, as a failed source does."""
    spent: str = NOBODY
    """What replaces the node if no member works: an apology, or nothing."""

    @property
    def window(self) -> tuple[int, int]:
        """Start and end of the fault."""
        return AT_START if self.fault in OPENING_FAULTS else AT_WORK

    @property
    def chaos(self) -> Chaos:
        """The fault as the content of a chaos file."""
        begin, until = (0, None) if self.fault == "redis_away" else self.window
        long = 20 * SECOND if self.fault == "slow_load" else 3 * SECOND
        latency = {"latency": long} if self.fault in TIMED_FAULTS else {}
        return Chaos((FaultSpec(node=self.node, fault=self.fault, begin=begin, until=until, **latency),))


def cells(plan: Plan, nodes: Sequence[str] = (), faults: Sequence[str] = ()) -> list[Cell]:
    """All cells of a graph, or those of some nodes or faults; raises GraphError for an unknown one."""
    _check("node", nodes, plan.graph.nodes)
    _check("fault", faults, FAULTS)
    specs = (spec for name, spec in plan.graph.nodes.items() if not nodes or name in nodes)
    return [cell for spec in specs for cell in _of(plan, spec) if not faults or cell.fault in faults]


def _of(plan: Plan, spec: NodeSpec) -> Iterator[Cell]:
    primary = spec.primary
    is_source, is_service = issubclass(primary.node, Source), issubclass(primary.node, Service)
    for fault in FAULTS:
        if why_not_applicable(fault, spec, primary) or _is_legitimate(fault, primary.node):
            continue
        kept = not plan.nodes[spec.name].needed if fault in OPENING_FAULTS else is_service
        spare = len(spec.members) > 1 or fault in DELAYING_FAULTS or kept
        apologises = issubclass(primary.node, Service) and primary.node.last_resort is not Service.last_resort
        ends = is_source and fault == "error"
        yield Cell(spec.name, fault, primary.use, spare, ends, APOLOGY if apologises else NOBODY)


def _is_legitimate(fault: FaultName, node: type[Node[Any]]) -> bool:
    """Whether a fault is legitimate output: a detector may find nothing, a transcript may be empty."""
    kinds = (kind for port in node.outputs.values() for kind in port.kinds)
    return (fault in OUTPUT_FAULTS and issubclass(node, Transform)) or (fault == "empty" and Transcript in kinds)


def _check(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise GraphError(f"there is no {what} `{name}`", expected=listing(known), hint=hint)
