"""What went wrong in a session: the report at its end, and the events on its bus meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.await_chain import await_chain
from pipeline.clock import Clock
from pipeline.compute.errors import Late, PoolExhausted
from pipeline.errors import StillOpening, Stuck, classify, in_words, trace_of
from pipeline.events import Abandoned, FailureReason, NodeFailed, NodeRecovered, NodeRetries
from pipeline.packet import Event, Packet
from pipeline.policies.limit import LimitReached
from pipeline.runtime.bus import Bus
from pipeline.runtime.dispatch import make_dispatcher
from pipeline.runtime.link import LinkStatistics

MAX_KEPT = 100
"""Failures that a report keeps; the rest are counted."""

Observer = Callable[[str, Packet], None]
"""Receives the name of a node and a packet that it gives."""
Ended = Literal["eos", "stopped", "failed", "drained late"]


@dataclass(slots=True)
class SessionReport:
    """How a session ended, what went wrong, and the statistics of each link."""

    ended: Ended = "eos"
    duration: int = 0
    """Nanoseconds on the session's clock."""
    failures: list[NodeFailed] = field(default_factory=list)
    """The first 100."""
    exceptions: list[BaseException] | None = None
    """What was raised, for tests that set a list; exceptions keep alive what their functions worked with."""
    failure_count: int = 0
    links: tuple[LinkStatistics, ...] = ()
    stuck: list[Stuck] = field(default_factory=list)
    """Tasks that did not end in time, with their await chains."""
    error: Exception | None = None
    """The failure that ended the session, if one did."""

    def add_failure(self, failure: NodeFailed) -> None:
        """Counts a failure, and keeps it while there is room."""
        self.failure_count += 1
        if len(self.failures) < MAX_KEPT:
            self.failures.append(failure)

    def add_stuck(self, stuck: Stuck) -> None:
        """Keeps a task that did not end, while there is room."""
        if len(self.stuck) < MAX_KEPT:
            self.stuck.append(stuck)


class Reporter:
    """Puts failures into the report and on the bus.

    `unanswered(error)` is called for each failure after which no other member does the work.
    """

    def __init__(self, report: SessionReport, bus: Bus, clock: Clock, unanswered: Callable[[Exception], None]) -> None:
        self._report, self._bus, self._clock = report, bus, clock
        self._unanswered = unanswered

    def failed(self, node: str, use: str, error: BaseException, answered_by: str = "", rung: int = 0) -> None:
        """A member failed; `answered_by` is the `use` of the one that takes its work over, empty for none."""
        self.note(node, use, error, answered_by, rung)
        if not answered_by and isinstance(error, Exception):
            self._unanswered(error)

    def note(
        self, node: str, use: str, error: BaseException, answered_by: str = "", rung: int = 0, *, post: bool = True
    ) -> None:
        """Records a failure that does not by itself end a session with `on_error: end`."""
        message, hint = in_words(error)
        reason = _reason(error)
        now, kind, trace = self._clock.now(), classify(error), trace_of(error)
        failure = NodeFailed(now, node, use, kind, message, hint, answered_by, rung, reason, trace)
        if self._report.exceptions is not None:
            self._report.exceptions.append(error)
        self._report.add_failure(failure)
        if post:
            self._bus.post(failure)

    def retries(self, node: str, use: str, error: Exception, pause: int) -> None:
        """A member tries again after `pause` nanoseconds."""
        message, _ = in_words(error)
        self._bus.post(NodeRetries(self._clock.now(), node, use, classify(error), message, pause))

    def recovered(self, node: str, use: str) -> None:
        """A node's primary does its work again."""
        self._bus.post(NodeRecovered(self._clock.now(), node, use))

    def abandoned(self, node: str, where: tuple[str, ...]) -> None:
        """Cancelled work did not stop and was left behind; `where` is its await chain."""
        self._report.add_stuck(Stuck(f"{node} did not stop when it was cancelled", where=where))
        self._bus.post(Abandoned(self._clock.now(), node, where))

    def subscriber_failed(self, error: Exception, kind: type[Event]) -> None:
        """A subscriber of the bus raised; one to failures does not receive its own."""
        self.note(f"subscriber to {kind.__name__}", "", error, post=kind is not NodeFailed)

    def reporting(self, observe: Observer) -> Observer:
        """The observer, with its errors reported, so that they affect no node."""

        def see(seen: tuple[str, Packet]) -> tuple[()]:
            observe(*seen)
            return ()

        call = make_dispatcher({tuple: see}, lambda error, _: self.note("observer", "", error))
        return lambda node, packet: call((node, packet))

    def stuck(self, task: asyncio.Task[Any], what: str, stacks: set[tuple[str, ...]]) -> None:
        """A task did not end in time; `stacks` are those of the threads that compute for its node."""
        threads = (f"compute thread: {' < '.join(stack)}" for stack in sorted(stacks) if stack)
        self._report.add_stuck(Stuck(f"{task.get_name()} {what}", where=(*await_chain(task), *threads)))


def _reason(error: BaseException) -> FailureReason:
    if isinstance(error, LimitReached | PoolExhausted | Late):
        return "limit"
    return "opening" if isinstance(error, StillOpening) else "fault"
