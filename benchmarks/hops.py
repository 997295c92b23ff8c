"""CPU time per hop: fused and queued links, compared with a plain asyncio.Queue in one run.

    .venv/bin/python -m benchmarks.hops [--loop asyncio|uvloop] [--rounds 9]

A hop is one node and the link before it. *Burst*: the source gives packets as fast as the links
accept them. *In flight*: the next packet is sent when the last one has arrived, so that every
hop wakes a sleeping task. Figures are CPU time of the process: the median of the rounds, which
alternate between the cases so that a drift of the machine affects all of them.

Not measured: real work in a node, sound devices, more than one session, cache effects of other
processes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import uvloop

from pipeline.node import Transform
from pipeline.packet import Packet, Queue, Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.running_node import RunningMember, RunningNode
from pipeline.runtime.worker import Inlets, pump
from pipeline.testing import root_stamp

HOPS = 5
BURST = 20_000
FLIGHTS = 4_000
BOUND = Queue(time=1 << 60, count=64)


class Tick(Packet, frozen=True):
    """A packet with a number as its payload."""

    number: int


class Pass(Transform[NoParams]):
    """Returns its input."""

    inlet = Input(Tick)
    outlet = Output(Tick)

    @inlet.each
    def give(self, tick: Tick) -> Iterable[Tick]:
        return (tick,)


class Arrivals:
    """Counts the packets that arrived, and wakes a waiter at a given count."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = 0
        self._future: asyncio.Future[None] | None = None

    def __call__(self, _: Any) -> None:
        self.count += 1
        if self._future is not None and self.count >= self._wanted:
            future, self._future = self._future, None
            future.set_result(None)

    async def reach(self, number: int) -> None:
        if self.count < number:
            self._wanted, self._future = number, asyncio.get_running_loop().create_future()
            await self._future


def ticks(number: int) -> list[Tick]:
    at: Stamp = root_stamp(0, 20_000_000)
    return [Tick(at, n) for n in range(number)]


def make_node(name: str, after: Callable[[Any], None]) -> RunningNode:
    running = RunningNode(name, [RunningMember(Pass())], root_stamp())
    running.bind("inlet", (Tick,))
    running.routes.add(Tick, after)
    return running


Give = Callable[[Tick], Awaitable[None] | None]
Setting = tuple[Callable[[Tick], bool], Callable[[], Awaitable[None]], list[asyncio.Task[Any]]]


def fused(arrivals: Arrivals) -> Setting:
    """A session of fused nodes."""
    push: Callable[[Any], None] = arrivals
    for n in range(HOPS):
        push = make_node(f"n{n}", push).entry("inlet")

    def give(tick: Tick) -> bool:
        push(tick)
        return True

    async def never() -> None:
        return None

    return give, never, []


def queued(arrivals: Arrivals) -> Setting:
    """A session in which every link is queued."""
    tasks: list[asyncio.Task[Any]] = []
    links: list[Link] = [make_link(f"l{n}", BOUND) for n in range(HOPS)]
    for n in reversed(range(HOPS)):
        below = links[n + 1] if n + 1 < HOPS else None
        running = make_node(f"n{n}", below.push if below is not None else arrivals)
        running.blocking = [below] if below is not None else []
        inlets: Inlets[Callable[[Any], None]] = Inlets()
        inlets.add(links[n], running.entry("inlet"))
        tasks.append(asyncio.get_running_loop().create_task(pump(inlets, running)))
    first = links[0]

    def give(tick: Tick) -> bool:
        if first.full:
            return False
        first.push(tick)
        return True

    return give, first.wait_room, tasks


def plain(arrivals: Arrivals) -> Setting:
    """Tasks that call the same handler, with an asyncio.Queue(64) between them."""
    tasks: list[asyncio.Task[Any]] = []
    queues: list[asyncio.Queue[Tick]] = [asyncio.Queue(64) for _ in range(HOPS)]

    async def work(node: Pass, inlet: asyncio.Queue[Tick], outlet: asyncio.Queue[Tick] | None) -> None:
        while True:
            tick = await inlet.get()
            for out in node.give(tick):
                if outlet is None:
                    arrivals(out)
                else:
                    await outlet.put(out)

    for n in range(HOPS):
        work_on = work(Pass(), queues[n], queues[n + 1] if n + 1 < HOPS else None)
        tasks.append(asyncio.get_running_loop().create_task(work_on))
    first = queues[0]

    def give(tick: Tick) -> bool:
        if first.full():
            return False
        first.put_nowait(tick)
        return True

    async def room() -> None:
        await asyncio.sleep(0)

    return give, room, tasks


async def burst(make: Callable[[Arrivals], Setting]) -> float:
    """Nanoseconds of CPU a hop."""
    arrivals = Arrivals()
    give, room, tasks = make(arrivals)
    await asyncio.sleep(0)
    packets = ticks(BURST)
    began = time.process_time_ns()
    for tick in packets:
        while not give(tick):
            await room()
    await arrivals.reach(BURST)
    took = time.process_time_ns() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took / BURST / HOPS


async def in_flight(make: Callable[[Arrivals], Setting]) -> float:
    """Nanoseconds of CPU a hop."""
    arrivals = Arrivals()
    give, _, tasks = make(arrivals)
    await asyncio.sleep(0)
    packets = ticks(FLIGHTS)
    began = time.process_time_ns()
    for number, tick in enumerate(packets, 1):
        give(tick)
        await arrivals.reach(number)
    took = time.process_time_ns() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took / FLIGHTS / HOPS


async def measure(rounds: int) -> dict[tuple[str, str], float]:
    makers = {"fused": fused, "queued": queued, "asyncio.Queue": plain}
    figures: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, make in makers.items():
            figures.setdefault((name, "burst"), []).append(await burst(make))
            figures.setdefault((name, "in flight"), []).append(await in_flight(make))
    return {key: statistics.median(values) for key, values in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    for loop in arguments.loop or ["asyncio", "uvloop"]:
        factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            found = runner.run(measure(arguments.rounds))
        print(f"{loop}: nanoseconds of CPU per hop, median of {arguments.rounds}")
        for case in ("burst", "in flight"):
            base = found["asyncio.Queue", case]
            row = "   ".join(
                f"{name} {found[name, case]:6.0f} ({found[name, case] / base:.2f}x)"
                for name in ("fused", "queued", "asyncio.Queue")
            )
            print(f"  {case:9}  {row}")


if __name__ == "__main__":
    main()
