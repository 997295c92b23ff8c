"""`run_node` and `Harness`: run one node in virtual time and record everything it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipeline.caps import Value
from pipeline.cause import Cause
from pipeline.errors import Location
from pipeline.events import NodeFailed
from pipeline.graph.graph import BudgetSpec, Graph, Member
from pipeline.graph.plan import Latency, Plan, PlannedFeedback, PlannedLink, PlannedNode
from pipeline.graph.tree import Map
from pipeline.node import Node, Sink, Source, Transform
from pipeline.packet import Event, Packet, Queue, Stamp
from pipeline.params import NoParams
from pipeline.policies.spec import DeadlineSpec, RetrySpec
from pipeline.port import Input, Output
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual

K = TypeVar("K")
Feed = Iterable[Packet | Event] | Mapping[str, Iterable[Packet | Event]]

HERE = Location("harness")
NODE = "node"
OUT = Queue(time=1 << 62, count=1 << 20)

root = Cause(0, "root", committed=True)
"""A root cause for packets made outside a session."""


def root_stamp(pts: int = 0, duration: int = 0) -> Stamp:
    """A stamp of the root cause; times in nanoseconds."""
    return Stamp(pts, duration, root)


@dataclass(slots=True)
class RunResult:
    """The outputs, events and failures of a run."""

    packets: list[Packet] = field(default_factory=list)
    """The packets, in the order in which they left the node."""
    times: list[int] = field(default_factory=list)
    """When each packet left, on the session's clock, nanoseconds."""
    events: list[Event] = field(default_factory=list)
    """Events sent upstream."""
    posted: list[Event] = field(default_factory=list)
    """Events posted to the bus."""
    report: SessionReport = field(default_factory=SessionReport)

    def of(self, kind: type[K]) -> list[K]:
        """The packets and events of one class."""
        return [item for item in [*self.packets, *self.events, *self.posted] if isinstance(item, kind)]

    def kinds(self) -> list[type[Packet]]:
        """The class of each packet."""
        return [type(packet) for packet in self.packets]

    @property
    def errors(self) -> list[NodeFailed]:
        """The failures of the node; each has its `trace`, and `raise_errors` shows all of it."""
        return self.report.failures

    def raise_errors(self) -> None:
        """Raises an AssertionError from the first exception of the node, if there was one."""
        if self.report.exceptions:
            error = self.report.exceptions[0]
            raise AssertionError(f"the node failed {len(self.report.exceptions)} times: {error!r}") from error


class Harness:
    """A session of one node between feeders and a collector.

    `feed` is a list for the only input, or lists by port. Each packet is fed when the clock
    reaches its end (`pts + duration`), as a live source would; with `paced=False` at once.
    An event is delivered to the node as if from downstream. `reader`, if given, is awaited for
    every packet that leaves; a slow one causes backpressure. `provide` holds the objects for
    `self.provided(Kind)`.
    """

    def __init__(
        self,
        node: Node[Any],
        feed: Feed = (),
        *,
        caps: Mapping[str, Mapping[str, Value]] | None = None,
        queue: Queue = OUT,
        paced: bool = True,
        reader: Any = None,
        provide: Sequence[object] = (),
    ) -> None:
        self.node = node
        self.result = RunResult()
        self.fed: list[Packet] = []
        self._feed = by_port(node, feed)
        self._caps = caps or {}
        self._queue = queue
        self._paced = paced
        self._reader = reader
        self._provide = provide
        self.session: Session

    async def run(self, runner: Runner) -> RunResult:
        """Runs the session to its end."""
        self.session = runner.session(self._plan(), provide=self._provide)
        self.session.bus.of(Event).subscribe(self.result.posted.append)
        self.session.report.exceptions = []
        self.result.report = await self.session.run()
        return self.result

    def _plan(self) -> Plan:
        node = type(self.node)
        members: dict[str, Node[Any]] = {NODE: self.node}
        links: list[PlannedLink] = []
        for port, items in self._feed.items():
            name = f"feed_{port}"
            kinds = tuple(dict.fromkeys(type(item) for item in items if isinstance(item, Packet)))
            members[name] = self._feeder(items, kinds)
            queue = None if issubclass(node, Transform) else (kinds[0].queue if kinds else Queue())
            links.append(PlannedLink(name, "out", NODE, port, kinds or node.inputs[port].kinds, queue))
        if node.outputs or node.sends:
            members["collector"] = self._collector(node)
            passed = [kind for link in links for kind in link.kinds if node.inputs[link.target_port].passes]
            for port, output in node.outputs.items():
                all_kinds = tuple(dict.fromkeys([*output.kinds, *passed]))
                links.append(PlannedLink(NODE, port, "collector", "all", all_kinds, self._queue))
                passed = []
        nodes = {name: _planned(name, member, self._caps if name == NODE else {}) for name, member in members.items()}
        graph = Graph(Path("harness"), "", {}, {}, (), BudgetSpec(), "degrade", Map({}, HERE))
        below = tuple(PlannedFeedback("collector", NODE, port.name, port.event) for port in node.receives.values())
        return Plan(graph, nodes, tuple(links), below if "collector" in members else (), Latency(0, ()))

    def _feeder(self, items: Sequence[Packet | Event], kinds: tuple[type[Packet], ...]) -> Node[Any]:
        harness = self

        class Feeder(Source[NoParams]):
            out = Output(*kinds)

            async def run(self) -> AsyncIterator[Packet]:
                running = harness.session.wiring.nodes[NODE]
                running.routes.update(
                    {sent.event: harness.result.events.append for sent in harness.node.sends.values()}
                )
                for item in items:
                    if isinstance(item, Event):
                        await harness._deliver(item)
                        continue
                    if harness._paced:
                        await self.clock.sleep_until(item.at.pts + item.at.duration)
                    harness.fed.append(item)
                    yield item

        return Feeder()

    async def _deliver(self, event: Event) -> None:
        """Delivers an upstream event to the node, once packets in transit have settled."""
        await self.session.clock.sleep(1)
        running = self.session.wiring.nodes[NODE]
        for port in self.node.receives.values():
            if port.event is type(event):
                running.bind(port.name, (port.event,))
                running.entry(port.name)(event)

    def _collector(self, node: type[Node[Any]]) -> Node[Any]:
        result, reader = self.result, self._reader

        class Collector(Sink[NoParams]):
            all = Input(Packet)

            @all.each
            async def collect(self, packet: Packet) -> None:
                if reader is not None:
                    await reader(self.clock)
                    if packet.is_stale:
                        return  # flushed while it waited; every sink must check that
                result.packets.append(packet)
                result.times.append(self.clock.now())

        return Collector()


def run_node(
    node: Node[Any],
    feed: Feed = (),
    *,
    caps: Mapping[str, Mapping[str, Value]] | None = None,
    queue: Queue = OUT,
    paced: bool = True,
    latency: Literal["zero", "measured"] = "zero",
    provide: Sequence[object] = (),
) -> RunResult:
    """Runs a node over a feed until it has drained.

    `feed` is a list of packets (and upstream events) for the only input, or lists by port;
    omit it for a source. `provide` holds the objects for `self.provided(Kind)`. Raises what
    opening the node raises.
    """

    async def main() -> RunResult:
        async with Runner() as runner:
            harness = Harness(node, feed, caps=caps, queue=queue, paced=paced, provide=provide)
            return await harness.run(runner)

    return run_virtual(main(), latency=latency)


def by_port(node: Node[Any], feed: Feed) -> dict[str, list[Packet | Event]]:
    """The feed as lists by port; a single list is for the first required input."""
    if isinstance(feed, Mapping):
        return {port: list(items) for port, items in feed.items()}
    ports = [name for name, port in node.inputs.items() if not port.optional] or list(node.inputs)
    return {port: list(feed) for port in ports[:1]}


def _planned(name: str, node: Node[Any], caps: Mapping[str, Mapping[str, Value]]) -> PlannedNode:
    # Only the node is under test: policies must not hide what it does late or wrong.
    no_deadline, no_retry = DeadlineSpec(first=None, stall=None, total=None), RetrySpec(attempts=0)
    member = Member(name, _factory(node), node.params, HERE, no_deadline, no_retry)
    return PlannedNode(name, (member,), caps)


def _factory(node: Node[Any]) -> Any:
    """A replacement for the class, so that the session uses this instance."""

    def make(_: Any) -> Node[Any]:
        return node

    return make
