"""What the guards of a service cost a call in which nothing goes wrong.

    .venv/bin/python -m benchmarks.guards [--loop asyncio|uvloop] [--rounds 15]

One service in one session takes a packet, gives it back, and is asked again when that has
arrived; the same session runs without guards, with each kind of guard alone, and with all
of them. Figures are CPU time of the process a call, the median of the rounds, which
alternate so that the machine's drift hits all alike. Below them stands what each guard's own
calls cost outside of a session.

Not measured: guards at work (a full limit, an open breaker, a retry, a cache that is asked), several
sessions that wait for one limit, a limit in Redis, and services that give hundreds of outputs a call.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from benchmarks._guards_nodes import Turn
from pipeline.graph.graph import Member
from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.guards.breaker import Breaker
from pipeline.guards.chain import Guards
from pipeline.guards.deadline import Watch
from pipeline.guards.limit import Limit
from pipeline.guards.spec import BreakerSpec, DeadlineSpec, LimitSpec
from pipeline.packet import SECOND
from pipeline.registry import Registry
from pipeline.runner import Runner

CALLS = 3_000
ALONE = 20_000
MOST = 20.0
"""Microseconds that all guards together may cost a call."""
_LIMIT = "limit: {concurrent: 5, max: 1000000, window: 10s, max_wait: 1s}"
_NO_DEADLINE = "deadline: {first: null, stall: null, total: null}"
_GRAPH = """
vitagraph: 1
nodes:
  asker: {{use: "benchmarks._guards_nodes:Asker", number: {number}}}
  answer: {{use: "benchmarks._guards_nodes:Answer", {settings}}}
  end: benchmarks._guards_nodes:End
links:
  - asker -> answer -> end
"""
CASES: dict[str, tuple[str, bool]] = {
    "no guards": (_NO_DEADLINE, False),
    "owes an answer": (f"owes: true, {_NO_DEADLINE}", False),
    "limit": (f"{_LIMIT}, {_NO_DEADLINE}", False),
    "breaker": (_NO_DEADLINE, True),
    "breaker and deadlines": ("", True),
    "all": (f"owes: true, {_LIMIT}", True),
}
"""What the graph says of the service, and whether its member has guards."""


class Unguarded(Guards):
    """Guards no member."""

    def of_member(self, member: Member) -> Any:
        """Nothing."""
        return None


def plans(folder: Path) -> dict[str, Plan]:
    """The plan of each case."""
    made = {}
    for number, (name, (settings, _)) in enumerate(CASES.items()):
        file = folder / f"case-{number}.yaml"
        file.write_text(_GRAPH.format(number=CALLS, settings=settings), encoding="utf-8")
        registry = Registry()
        made[name] = plan(load(file, registry=registry, settings={}), registry)
    return made


async def call(made: Plan, *, guarded: bool) -> float:
    """Microseconds of CPU a call, in a session of its own."""
    async with Runner(workers=1) as runner:
        runner.guards = Guards() if guarded else Unguarded()
        report = await runner.session(made).run()
    assert report.ended == "eos" and not report.failures, report
    return Turn.took.pop() / CALLS / 1000


async def measure(rounds: int) -> dict[str, list[float]]:
    """The figures of each case, round by round."""
    figures: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        made = plans(Path(folder))
        for _ in range(rounds):
            for name, (_, guarded) in CASES.items():
                figures[name].append(await call(made[name], guarded=guarded))
    return figures


# --- each by itself


def limiting(now: Callable[[], int]) -> Callable[[], None]:
    """A permit, taken and given back."""
    limit = Limit(LimitSpec(concurrent=5, max=1_000_000), now, "node")

    def once() -> None:
        limit.try_acquire()
        limit.release()

    return once


def breaking(now: Callable[[], int]) -> Callable[[], None]:
    """Leave, and a success."""
    breaker = Breaker(BreakerSpec(), now, Random(0))
    return lambda: breaker.succeeded(breaker.allows())


def watching(_: Callable[[], int]) -> Callable[[], None]:
    """An attempt with one output."""
    watch = Watch(DeadlineSpec(), asyncio.get_running_loop(), lambda _: None)

    def once() -> None:
        watch.begin()
        watch.hold()
        watch.output()
        watch.end()

    return once


async def alone(rounds: int) -> dict[str, float]:
    """Microseconds of CPU a call of each guard, outside of a session."""
    loop = asyncio.get_running_loop()
    makers = {"limit": limiting, "breaker": breaking, "deadlines": watching}
    figures: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            once = make(lambda: round(loop.time() * SECOND))
            began = time.process_time_ns()
            for _ in range(ALONE):
                once()
            figures[name].append((time.process_time_ns() - began) / ALONE / 1000)
            await asyncio.sleep(0)
    return {name: statistics.median(values) for name, values in figures.items()}


def show(loop: str, figures: dict[str, list[float]], parts: dict[str, float]) -> None:
    """A table."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    base = medians["no guards"]
    print(f"{loop}: microseconds of CPU a call, median of {len(figures['all'])}")
    for name, median in medians.items():
        differences = [value - none for value, none in zip(figures[name], figures["no guards"], strict=True)]
        print(f"  {name:22} {median:6.1f}  {median / base:.2f}x  {statistics.median(differences):+.1f}")
    print("  outside of a session:  " + ", ".join(f"{name} {took:.2f}" for name, took in parts.items()))
    cost = medians["all"] - base
    print(f"  the guards cost {cost:.1f} of the {MOST:.0f} that they may: {'ok' if cost <= MOST else 'too much'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    for loop in arguments.loop or ["asyncio", "uvloop"]:
        factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            show(loop, runner.run(measure(arguments.rounds)), runner.run(alone(arguments.rounds)))


if __name__ == "__main__":
    main()
