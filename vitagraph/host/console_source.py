"""What the console shows, read from a running host: calls, graphs, latest turns, alerts, quality."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import islice
from statistics import median
from typing import Literal, Protocol

from nodes.webrtc.transport.peer import Peer
from pipeline.graph.plan import Plan, PlannedLink, PlannedNode
from pipeline.packet import MILLISECOND
from pipeline.runtime.session import Session
from vitagraph.host.call import Call
from vitagraph.host.monitoring import Monitoring
from vitagraph.host.observation import HostObservation
from vitagraph.observe.session_timeline import SessionTimeline
from vitagraph.observe.timeline import (
    CallState,
    Console,
    GraphState,
    LatestTurn,
    LinkState,
    NodeState,
    ProcessState,
    Side,
    Timeline,
)

MOST_CALLS = 100
"""Calls that are shown, the running ones included."""
MOST_TURNS = 40
TURNS_OF_A_CALL = 8
"""Latest turns that are looked at in each call."""
FAILING = 10_000.0
"""Milliseconds for which a node counts as failing after a failure that nothing took over."""
TREND_HOURS = 24


class RunningCalls(Protocol):
    """What of a call manager is read."""

    @property
    def count(self) -> int:
        """The number of calls."""

    @property
    def seats_free(self) -> int:
        """Calls that there is room for."""

    def not_ready(self) -> str:
        """Why it takes no call; empty if it does."""

    def find(self, id: str) -> Call | None:
        """A running call."""

    def planned(self) -> Mapping[str, Plan]:
        """The plans of the graphs that were called, by name."""


class HostConsole:
    """The source of the console. Each answer is made when it is asked for; nothing runs in between."""

    def __init__(self, calls: RunningCalls, monitoring: Monitoring, observed: HostObservation) -> None:
        self._calls, self._monitoring, self._observed = calls, monitoring, observed
        self._began = time.time()
        self._version = version("vitagraph")

    def state(self) -> Console:
        """Everything now; under a millisecond for each running call."""
        observed = self._observed
        return Console(
            time.time(),
            self._process(),
            [self._graph(name, plan) for name, plan in self._calls.planned().items()],
            [self._call(each) for each in islice(observed.archive, MOST_CALLS)],
            self._latest_turns(),
            observed.alert_states(),
            observed.quality.trend(TREND_HOURS),
        )

    def timeline(self, id: str) -> Timeline | None:
        """The timeline of a session, with the addresses of its sound where it is recorded."""
        found = self._observed.archive.find(id)
        if found is None:
            return None
        document = found.document()
        if self._observed.is_recorded(id):
            document.sound = {side: f"/console/sessions/{id}/{side}.wav" for side in ("caller", "assistant")}
        return document

    def sound(self, id: str, side: Side) -> bytes | None:
        """The recorded sound of one side; called in a thread."""
        return self._observed.recorded_sound(id, side)

    # --- parts

    def _process(self) -> ProcessState:
        calls, meter = self._calls, self._monitoring.meter
        load, reason = meter.load, calls.not_ready()
        return ProcessState(
            self._version,
            self._began,
            not reason,
            reason,
            calls.count,
            calls.seats_free,
            load.cpu,
            load.memory,
            load.lag_ms,
            meter.memory_guard.name,
        )

    def _call(self, timeline: SessionTimeline) -> CallState:
        call = self._calls.find(timeline.id)
        transport = call.transport if call is not None else None
        seen = transport.statistics() if isinstance(transport, Peer) else None
        return CallState(
            timeline.id,
            timeline.graph,
            timeline.began,
            timeline.duration,
            len(timeline.turns),
            call is not None and call.seated is not None,
            timeline.end.outcome if timeline.end is not None else "",
            timeline.end.reason if timeline.end is not None else "",
            median(timeline.silences) if timeline.silences else None,
            sorted(timeline.fallbacks),
            None if seen is None else seen.lost / max(1, seen.lost + seen.received),
            None if call is None else self._observed.quality.mos(call),
            self._observed.is_recorded(timeline.id),
        )

    def _latest_turns(self) -> list[LatestTurn]:
        turns = [
            LatestTurn(
                each.id,
                turn.number,
                each.began + turn.voice_end / 1000,
                turn.outcome or "",
                turn.silence,
                turn.parts,
                turn.over_budget,
            )
            for each in self._observed.archive
            for turn in islice(reversed(each.turns.values()), TURNS_OF_A_CALL)
            if turn.outcome is not None
        ]
        return sorted(turns, key=lambda turn: -turn.at)[:MOST_TURNS]

    def _graph(self, name: str, plan: Plan) -> GraphState:
        timelines = [each for each in self._observed.archive if each.end is None and each.graph == name]
        sessions = list(self._sessions(timelines))
        return GraphState(
            name,
            plan.graph.description,
            len(timelines),
            [_node(node, timelines, sessions) for node in plan.nodes.values()],
            [_link(link, sessions) for link in plan.links],
        )

    def _sessions(self, timelines: list[SessionTimeline]) -> Iterator[Session]:
        for each in timelines:
            call = self._calls.find(each.id)
            if call is not None and call.session is not None and call.session.is_open:
                yield call.session


def _node(node: PlannedNode, timelines: list[SessionTimeline], sessions: list[Session]) -> NodeState:
    fallbacks = sum(node.name in each.fallbacks for each in timelines)
    failing = any(each.failed_lately(node.name, FAILING) for each in timelines)
    working = any(worker.tasks() for session in sessions for worker in session.wiring.workers.get(node.name, ()))
    state: Literal["idle", "working", "fallback", "failing"] = "working" if working else "idle"
    if fallbacks:
        state = "fallback"
    if failing:
        state = "failing"
    uses = [member.use for member in node.members]
    errors = sum(each.errors[node.name] for each in timelines)
    return NodeState(node.name, uses[0], uses, node.inserted, state, fallbacks, errors)


def _link(link: PlannedLink, sessions: list[Session]) -> LinkState:
    running = [session.wiring.links[link] for session in sessions if link in session.wiring.links]
    waiting = [each for each in running if each.items]  # seldom: the links of a host that keeps up are empty
    return LinkState(
        link.name,
        link.source,
        link.target,
        sorted(kind.__name__ for kind in link.kinds),
        link.queue is not None,
        sum(len(each.items) for each in waiting),
        max((each.statistics().age for each in waiting), default=0) / MILLISECOND,
        sum(each.dropped for each in running),
    )
