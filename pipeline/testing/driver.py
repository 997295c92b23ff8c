"""A harness controlled by a script: feeds one cause after another, and can stall its reader."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from pipeline.await_chain import await_chain
from pipeline.caps import Value
from pipeline.cause import Cause
from pipeline.clock import give_way
from pipeline.graph.plan import Plan
from pipeline.node import Node, Service, Source, Transform
from pipeline.packet import SECOND, Event, Packet, Queue
from pipeline.params import NoParams
from pipeline.port import Output
from pipeline.runtime.runner import Runner
from pipeline.runtime.running_node import EndOfStream
from pipeline.testing.harness import NODE, OUT, Feed, Harness, by_port, root

RUN_LIMIT = 600 * SECOND
"""Nanoseconds after which a run counts as hanging."""
AMPLE = Queue(time=1 << 62, count=4)
"""Queue before the node; large enough never to drop, because drops there are the engine's concern."""
TINY = Queue(time=1 << 62, count=1)
"""Queue after the node that causes backpressure."""
_ROUNDS = 10
"""Loop iterations in which cancelled tasks may end."""
_SWEEPS = 30
"""Attempts, a second apart, to cancel a leaked task."""
_unstoppable: list[asyncio.Task[Any]] = []
"""Tasks that cannot be ended; kept, because Python warns when they are garbage collected."""

MakeFeed = Callable[[Cause], Feed]


@dataclass(slots=True, eq=False)
class Act:
    """The feed for one cause."""

    cause: Cause
    feed: Mapping[str, Sequence[Packet | Event]]


class Driver(Harness):
    """Runs one node while a script decides what is fed when.

    Each packet is fed when its end (`pts + duration`) has passed since its act began. A stalled
    reader takes one packet, and no more until `release`.
    """

    def __init__(
        self,
        node: Node[Any],
        feed: MakeFeed | None,
        *,
        caps: Mapping[str, Mapping[str, Value]],
        stalled: bool = False,
        queue: Queue = OUT,
        goal: int = 0,
        provide: Sequence[object] = (),
    ) -> None:
        fed = feed(root) if feed else ()
        super().__init__(node, fed, caps=caps, queue=queue, reader=self._read, provide=provide)
        self._make_feed = feed
        self._acts: dict[str, asyncio.Queue[Act | None]] = {port: asyncio.Queue() for port in self._feed}
        self.lead = next(iter(self._feed), "")
        """The port whose feed determines `middle`; empty for a source, whose outputs do."""
        items = self._feed.get(self.lead, ())
        self.span = max((item.at.pts + item.at.duration for item in items if isinstance(item, Packet)), default=0)
        self._goal = max(1, len(items) // 2 or goal)
        self.middle = asyncio.Event()
        self._begun = asyncio.Event()
        self._reads = asyncio.Event()
        if not stalled:
            self.release()
        self.fed_at: list[int] = []
        """Number of packets that had left the node at each `feed_cause`."""
        self.max_outputs: tuple[int, str] = (0, "")
        """Maximum outputs of a transform for one input, and the class of that input."""
        self.finish_outputs: list[Packet] = []
        """The packets that `finish` returned."""
        self.hung: list[str] = []
        """Where the node hung, if it did not end by itself."""
        self.leaked: list[str] = []
        """Tasks left after the end of the run."""

    # --- for the script

    def feed_cause(self) -> Cause:
        """Feeds everything for a new, committed cause."""
        self.fed_at.append(len(self.result.packets))
        cause = self.session.causes.begin("conformance")
        self.session.causes.commit(cause)
        if self._make_feed is not None:
            act = Act(cause, by_port(self.node, self._make_feed(cause)))
            for acts in self._acts.values():
                acts.put_nowait(act)
        return cause

    def end_feed(self) -> None:
        """Ends the streams after the packets fed so far."""
        for acts in self._acts.values():
            acts.put_nowait(None)

    def release(self) -> None:
        """Lets a stalled reader continue."""
        self._reads.set()

    def waiting(self) -> int:
        """Number of packets that have left the node and wait for the reader."""
        links = [link for planned, link in self.session.wiring.links.items() if planned.source == NODE]
        return sum(not isinstance(item, EndOfStream) for link in links for item in link.items)

    # --- the run

    async def drive(self, runner: Runner, script: Callable[[], Awaitable[None]]) -> None:
        """Runs node and script to the end; raises what the script or opening the node raises."""
        before = asyncio.all_tasks()
        running = asyncio.ensure_future(self.run(runner))
        driving = asyncio.ensure_future(self._run_script(script))
        both = [running, driving]
        await asyncio.wait(both, timeout=(RUN_LIMIT + 4 * self.span) / SECOND, return_when=asyncio.FIRST_EXCEPTION)
        if not running.done():
            if not driving.done() or not driving.exception():
                self._note_hung()
            self.session.stop()
            await asyncio.wait([running])
        driving.cancel()
        await asyncio.wait([driving])
        await self._sweep(before)
        running.result()
        if not driving.cancelled():
            driving.result()

    async def _run_script(self, script: Callable[[], Awaitable[None]]) -> None:
        await self._begun.wait()
        self._watch()
        await script()

    def _note_hung(self) -> None:
        tasks = [task for worker in self.session.wiring.workers.get(NODE, ()) for task in worker.tasks()]
        workers = [task for task in self.session.tasks if task.get_name() == NODE]
        self.hung = [" > ".join(await_chain(task)) for task in tasks or workers if not task.done()]
        self.hung = self.hung or ["(position unknown)"]

    async def _sweep(self, before: set[asyncio.Task[Any]]) -> None:
        """Records leaked tasks and cancels them as far as possible."""
        for _ in range(_ROUNDS):
            if asyncio.all_tasks() <= before:
                return
            await give_way()
        left = asyncio.all_tasks() - before
        # Tasks of the node itself are in the report, with their position.
        ours = [task for task in left if task.get_name().partition(" ")[0] != NODE]
        self.leaked = [f"task {task.get_name()}: {' > '.join(await_chain(task))}" for task in ours]
        for _ in range(_SWEEPS):
            for task in left:
                task.cancel("the run is over")
            _, left = await asyncio.wait(left, timeout=1)
            if not left:
                return
        for task in left:
            asyncio.tasks._unregister_task(task)  # otherwise the loop would wait for it forever
        _unstoppable.extend(left)

    # --- watching

    def _watch(self) -> None:
        """Counts the outputs of each call and records those of `finish`."""
        node: Any = self.node
        if isinstance(node, Transform):
            for table in self.session.wiring.nodes[NODE].tables.values():
                for kind, handler in table.items():
                    table[kind] = self._counted(handler)
            node.finish = self._kept(node.finish)  # type: ignore[method-assign]
        elif isinstance(node, Service) and inspect.isasyncgenfunction(type(node).finish):
            node.finish = self._streamed(node.finish)  # type: ignore[method-assign]

    def _counted(self, handler: Callable[[Any], Iterable[Any]]) -> Callable[[Any], Sequence[Any]]:
        def counted(item: Any) -> Sequence[Any]:
            outputs = tuple(handler(item))
            self.max_outputs = max(self.max_outputs, (len(outputs), type(item).__name__))
            return outputs

        return counted

    def _kept(self, finish: Callable[[], Iterable[Any]]) -> Callable[[], Sequence[Any]]:
        def kept() -> Sequence[Any]:
            outputs = tuple(finish())
            self.finish_outputs += [output for output in outputs if isinstance(output, Packet)]
            return outputs

        return kept

    def _streamed(self, finish: Callable[[], Any]) -> Callable[[], AsyncIterator[Any]]:
        async def streamed() -> AsyncIterator[Any]:
            async with aclosing(finish()) as outputs:
                async for output in outputs:
                    self.finish_outputs += [output] if isinstance(output, Packet) else []
                    yield output

        return streamed

    # --- plan and feeders

    def _plan(self) -> Plan:
        """Adds a queue before every node, so that a flush finds waiting packets."""
        plan = super()._plan()
        return replace(plan, links=tuple(replace(x, queue=AMPLE) if x.target == NODE else x for x in plan.links))

    def _feeder(self, items: Sequence[Packet | Event], kinds: tuple[type[Packet], ...]) -> Node[Any]:
        driver = self

        class ScriptedFeeder(Source[NoParams]):
            out = Output(*kinds)

            async def run(self) -> AsyncIterator[Packet]:
                driver._begun.set()
                port = self.context.name.removeprefix("feed_")
                while (act := await driver._acts[port].get()) is not None:
                    begin = self.clock.now()
                    for item in act.feed.get(port, ()):
                        if isinstance(item, Event):
                            await driver._deliver(item)
                            continue
                        await self.clock.sleep_until(begin + item.at.pts + item.at.duration)
                        if not act.cause.live:
                            break  # an upstream node would stop too
                        driver._count(port)
                        yield item

        return ScriptedFeeder()

    async def _read(self, _: Any) -> None:
        self._begun.set()
        self._count("")
        await self._reads.wait()

    def _count(self, port: str) -> None:
        if port == self.lead:
            self._goal -= 1
            if self._goal == 0:
                self.middle.set()
