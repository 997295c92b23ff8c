"""Health: now and then a real, small piece of work shows whether the members of services are well.

What a probe finds goes to the member's breaker: one that fell ill is left alone before a
call has to find out, and one that is well again is back after an interval at most.
Members that have no `probe` are `unknown`, and count as able.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from pipeline.clock import Clock
from pipeline.compute.resources import Resources
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.packet import SECOND
from pipeline.params import seconds
from pipeline.policies.breaker import Breaker
from pipeline.runtime.member_probe import CLOSING, MemberProbe, has_probe
from pipeline.runtime.policy_store import PolicyStore

HealthState = Literal["well", "down", "resting", "unknown"]
"""`resting`: calls to it failed since it was last looked at, and its breaker lets none through.

`unknown`: it has no probe, nobody has looked yet, or its rest is over and nobody has tried."""

_MOST = 16
"""Graphs that are remembered; the one that was added longest ago goes first."""
_EARLY = 0.1
"""The first look is within this share of the interval; later ones come up to as much too soon."""


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """How one member of a node is; times in nanoseconds."""

    node: str
    use: str
    place: int
    """0 is the primary."""
    state: HealthState
    since: int
    """How long it has been found so."""
    took: int
    """The last probe."""
    message: str = ""
    hint: str = ""
    needed: bool = True
    """Whether no call can be without its node."""

    @property
    def able(self) -> bool:
        """Whether it may be expected to do its work."""
        return self.state in ("well", "unknown")


Changed = Callable[[MemberHealth, MemberHealth], None]


@dataclass(frozen=True, slots=True)
class _Seat:
    """A member's place in a graph."""

    node: str
    use: str
    place: int
    patient: MemberProbe | None
    """None where it has no probe."""
    needed: bool


class Health:
    """Looks at the members of the graphs that are added, from `start` to `stop`; for the event loop only.

    `changed` is told the health of a member before and after a look that found another
    state. Members that share a breaker share their looks.
    """

    def __init__(
        self,
        resources: Resources,
        policies: PolicyStore,
        *,
        every: int = seconds(30),
        limit: int = seconds(10),
        changed: Changed = lambda *_: None,
        random: Random | None = None,
    ) -> None:
        self._resources, self._policies = resources, policies
        self._every, self._limit = every, limit
        self._changed = changed
        self._random = random or Random()
        self._clock = Clock(asyncio.get_running_loop())
        self._graphs: OrderedDict[Path, tuple[_Seat, ...]] = OrderedDict()
        self._patients: dict[Breaker, MemberProbe] = {}
        self._rounds: dict[MemberProbe, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._started = False

    def add(self, plan: Plan) -> None:
        """Looks after a graph too; one of the same file is replaced."""
        self._graphs[plan.graph.path] = tuple(self._seats(plan))
        self._graphs.move_to_end(plan.graph.path)
        if len(self._graphs) > _MOST:
            self._graphs.popitem(last=False)
        self._dismiss()
        if self._started:
            self._begin()

    def start(self) -> None:
        """Begins to look, at each member every interval."""
        self._started = True
        self._begin()

    async def look(self) -> None:
        """Looks at every member once, now, one after the other."""
        for patient in tuple(self._patients.values()):
            await self._look(patient)

    def report(self, graph: Path | None = None) -> tuple[MemberHealth, ...]:
        """How the members of services are, in one graph or in all of them."""
        graphs = self._graphs.values() if graph is None else [self._graphs.get(graph, ())]
        return tuple(self._health(seat) for seats in graphs for seat in seats)

    async def stop(self) -> None:
        """Ends it, and closes what it had opened."""
        self._started = False
        self._graphs.clear()
        self._dismiss()
        if self._leaving:
            await asyncio.wait(self._leaving)

    # --- who is looked at

    def _seats(self, plan: Plan) -> Iterator[_Seat]:
        for planned in plan.nodes.values():
            if not issubclass(planned.members[0].node, Service):
                continue
            for place, member in enumerate(planned.members):
                patient = None
                if has_probe(member.node):
                    breaker = self._policies.of_member(member).breaker
                    patient = self._patients.get(breaker)
                    if patient is None:
                        patient = MemberProbe(planned, place, self._resources, breaker, self._clock)
                        self._patients[breaker] = patient
                yield _Seat(planned.name, member.use, place, patient, planned.needed)

    def _dismiss(self) -> None:
        """Closes those that no graph has any more."""
        wanted = {seat.patient for seats in self._graphs.values() for seat in seats}
        for breaker, patient in tuple(self._patients.items()):
            if patient not in wanted:
                del self._patients[breaker]
                leaving = asyncio.create_task(self._part(patient), name=f"{patient} leaves")
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)

    async def _part(self, patient: MemberProbe) -> None:
        if (rounds := self._rounds.pop(patient, None)) is not None:
            rounds.cancel()
            await asyncio.wait((rounds,))
        closing = asyncio.create_task(patient.close(), name=f"{patient} closes")
        await asyncio.wait((closing,), timeout=CLOSING / SECOND)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    # --- looking

    def _begin(self) -> None:
        for patient in self._patients.values():
            if patient not in self._rounds:
                rounds = asyncio.create_task(self._attend(patient), name=f"{patient} health")
                self._rounds[patient] = rounds

    async def _attend(self, patient: MemberProbe) -> None:
        # At odd times: members that all computed at once would be in each other's way, and the calls'.
        due = self._clock.now() + round(self._every * self._random.uniform(0, _EARLY))
        while True:
            await self._clock.sleep_until(due)
            await self._look(patient)
            # Until its breaker has opened, a member that is down is in the way of each call.
            soon = patient.condition.state == "down" and patient.breaker.state == "closed"
            pause = _EARLY if soon else self._random.uniform(1 - _EARLY, 1)
            due = max(self._clock.now(), due + round(self._every * pause))

    async def _look(self, patient: MemberProbe) -> None:
        seats = [seat for all_ in self._graphs.values() for seat in all_ if seat.patient is patient]
        before = [self._health(seat) for seat in seats]
        await patient.look(self._limit)
        for was, seat in zip(before, seats, strict=True):
            if (now := self._health(seat)).state != was.state:
                asyncio.get_running_loop().call_soon(self._changed, was, now)  # it cannot stop the round

    def _health(self, seat: _Seat) -> MemberHealth:
        if (patient := seat.patient) is None:
            told = "it has no probe"
            return MemberHealth(seat.node, seat.use, seat.place, "unknown", 0, 0, told, needed=seat.needed)
        found = patient.condition
        state: HealthState = found.state
        if state != "down" and (breaker := patient.breaker.state) != "closed":
            state = "resting" if breaker == "open" else "unknown"
        since = self._clock.now() - found.since
        return MemberHealth(
            seat.node, seat.use, seat.place, state, since, found.took, found.message, found.hint, seat.needed
        )


def unserviceable_nodes(report: Iterable[MemberHealth]) -> tuple[str, ...]:
    """The nodes that a call needs, and none of whose members is able."""
    nodes: dict[str, bool] = {}
    for member in report:
        nodes[member.node] = nodes.get(member.node, False) or member.able or not member.needed
    return tuple(node for node, able in nodes.items() if not able)
