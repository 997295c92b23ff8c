"""A harness that can be driven: feeds for one cause after another, and a reader that may stall."""

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

LONG = 600 * SECOND
"""Nanoseconds after which a run that has not ended counts as hanging."""
INTO = Queue(time=1 << 62, count=4)
"""Nothing is lost before the node: what its kinds' own queues may drop is the engine's affair."""
TINY = Queue(time=1 << 62, count=1)
_ROUNDS = 10
"""Of the loop, in which tasks that have been told to end may do so."""
_SWEEPS = 30
"""Times, a second apart, that a task is cancelled that nobody waits for any more."""
_immortal: list[asyncio.Task[Any]] = []
"""Tasks that do not end whatever one does: Python complains when they are collected."""

MakeFeed = Callable[[Cause], Feed]


@dataclass(slots=True, eq=False)
class Act:
    """What is fed for one cause."""

    cause: Cause
    feed: Mapping[str, Sequence[Packet | Event]]


class Driver(Harness):
    """One node; `drive` runs it while a coroutine says what is fed when.

    Every packet is fed when its span has passed since its act began. A stalled reader
    takes one packet and no more, until `release`.
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
        """The port whose feed has a middle; for a source its outputs do."""
        items = self._feed.get(self.lead, ())
        self.span = max((item.at.pts + item.at.duration for item in items if isinstance(item, Packet)), default=0)
        self._goal = max(1, len(items) // 2 or goal)
        self.middle = asyncio.Event()
        self._begun = asyncio.Event()
        self._reads = asyncio.Event()
        if not stalled:
            self.release()
        self.given: list[int] = []
        """How many packets had left at each `give`."""
        self.most: tuple[int, str] = (0, "")
        """The most outputs that a transform gave for one input, and the kind of that."""
        self.last: list[Packet] = []
        """What `finish` gave."""
        self.hung: list[str] = []
        """Where it hung, when it did not end by itself."""
        self.left: list[str] = []
        """Tasks that were there when it had ended."""

    # --- what a driver may do

    def give(self) -> Cause:
        """Feeds all there is for a new, committed cause."""
        self.given.append(len(self.result.packets))
        cause = self.session.causes.begin("conformance")
        self.session.causes.commit(cause)
        if self._make_feed is not None:
            act = Act(cause, by_port(self.node, self._make_feed(cause)))
            for acts in self._acts.values():
                acts.put_nowait(act)
        return cause

    def shut(self) -> None:
        """Ends the streams after what was given."""
        for acts in self._acts.values():
            acts.put_nowait(None)

    def release(self) -> None:
        """Lets the reader read."""
        self._reads.set()

    def waiting(self) -> int:
        """Packets that have left the node and wait for the reader."""
        links = [link for planned, link in self.session.wiring.links.items() if planned.source == NODE]
        return sum(not isinstance(item, EndOfStream) for link in links for item in link.items)

    # --- the run

    async def drive(self, runner: Runner, driver: Callable[[], Awaitable[None]]) -> None:
        """Runs to the end; raises what the driver or the opening of the node raises."""
        before = asyncio.all_tasks()
        running = asyncio.ensure_future(self.run(runner))
        driving = asyncio.ensure_future(self._driven(driver))
        both = [running, driving]
        await asyncio.wait(both, timeout=(LONG + 4 * self.span) / SECOND, return_when=asyncio.FIRST_EXCEPTION)
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

    async def _driven(self, driver: Callable[[], Awaitable[None]]) -> None:
        await self._begun.wait()
        self._watch()
        await driver()

    def _note_hung(self) -> None:
        tasks = [task for worker in self.session.wiring.workers.get(NODE, ()) for task in worker.tasks()]
        workers = [task for task in self.session.tasks if task.get_name() == NODE]
        self.hung = [" > ".join(await_chain(task)) for task in tasks or workers if not task.done()]
        self.hung = self.hung or ["(it was waiting for nothing that can be named)"]

    async def _sweep(self, before: set[asyncio.Task[Any]]) -> None:
        """Notes the tasks that are left, and ends them as far as they let themselves be ended."""
        for _ in range(_ROUNDS):
            if asyncio.all_tasks() <= before:
                return
            await give_way()
        left = asyncio.all_tasks() - before
        # What is at work for the node is in the report, with where it hangs.
        ours = [task for task in left if task.get_name().partition(" ")[0] != NODE]
        self.left = [f"task {task.get_name()}: {' > '.join(await_chain(task))}" for task in ours]
        for _ in range(_SWEEPS):
            for task in left:
                task.cancel("the run is over")
            _, left = await asyncio.wait(left, timeout=1)
            if not left:
                return
        for task in left:
            asyncio.tasks._unregister_task(task)  # else the loop would wait for it for ever
        _immortal.extend(left)

    # --- watching

    def _watch(self) -> None:
        """Counts what each call gives, and keeps what `finish` gives."""
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
            self.most = max(self.most, (len(outputs), type(item).__name__))
            return outputs

        return counted

    def _kept(self, finish: Callable[[], Iterable[Any]]) -> Callable[[], Sequence[Any]]:
        def kept() -> Sequence[Any]:
            outputs = tuple(finish())
            self.last += [output for output in outputs if isinstance(output, Packet)]
            return outputs

        return kept

    def _streamed(self, finish: Callable[[], Any]) -> Callable[[], AsyncIterator[Any]]:
        async def streamed() -> AsyncIterator[Any]:
            async with aclosing(finish()) as outputs:
                async for output in outputs:
                    self.last += [output] if isinstance(output, Packet) else []
                    yield output

        return streamed

    # --- the ends of the harness

    def _plan(self) -> Plan:
        """With a queue before the node, whatever it is: there a flush finds what waits."""
        plan = super()._plan()
        return replace(plan, links=tuple(replace(x, queue=INTO) if x.target == NODE else x for x in plan.links))

    def _feeder(self, items: Sequence[Packet | Event], kinds: tuple[type[Packet], ...]) -> Node[Any]:
        driver = self

        class Feeder(Source[NoParams]):
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
                            break  # what is above a node gives nothing more either
                        driver._count(port)
                        yield item

        return Feeder()

    async def _read(self, _: Any) -> None:
        self._begun.set()
        self._count("")
        await self._reads.wait()

    def _count(self, port: str) -> None:
        if port == self.lead:
            self._goal -= 1
            if self._goal == 0:
                self.middle.set()
