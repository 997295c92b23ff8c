"""The cost of the policies of a service per call, when nothing goes wrong.

    .venv/bin/python -m benchmarks.policies [--loop asyncio|uvloop] [--rounds 15]

A session has one service, which returns each packet and gets the next one when that has arrived.
The same session runs without policies, with each kind of policy alone, and with all of them.
Figures are CPU time of the process for each call: the median of the rounds, which alternate
between the cases so that a drift of the machine affects all of them. Below are the costs of each
policy's own calls outside of a session.

Not measured: policies that intervene (a full limit, an open breaker, a retry, a cache), several
sessions that wait for one limit, a limit in Redis, and services with hundreds of outputs a call.
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

from benchmarks._policies_nodes import RoundTrip
from pipeline.graph.graph import Member
from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import SECOND
from pipeline.policies.breaker import Breaker
from pipeline.policies.deadline import Watch
from pipeline.policies.limit import Limit
from pipeline.policies.spec import BreakerSpec, DeadlineSpec, LimitSpec
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.runner import Runner

CALLS = 3_000
ALONE = 20_000
MOST = 20.0
"""The target for all policies together, in microseconds per call."""
_LIMIT = "limit: {concurrent: 5, max: 1000000, window: 10s, max_wait: 1s}"
_NO_DEADLINE = "deadline: {first: null, stall: null, total: null}"
_GRAPH = """
vitagraph: 1
nodes:
  asker: {{use: "benchmarks._policies_nodes:Asker", number: {number}}}
  answer: {{use: "benchmarks._policies_nodes:Answer", {settings}}}
  end: benchmarks._policies_nodes:End
links:
  - asker -> answer -> end
"""
CASES: dict[str, tuple[str, bool]] = {
    "no policies": (_NO_DEADLINE, False),
    "output required": (f"requires_output: true, {_NO_DEADLINE}", False),
    "limit": (f"{_LIMIT}, {_NO_DEADLINE}", False),
    "breaker": (_NO_DEADLINE, True),
    "breaker and deadlines": ("", True),
    "all": (f"requires_output: true, {_LIMIT}", True),
}
"""The settings of the service in the graph, and whether its member has policies."""


class NoPolicies(PolicyStore):
    """A store without policies for members."""

    def of_member(self, member: Member) -> Any:
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


async def call(made: Plan, *, with_policies: bool) -> float:
    """Microseconds of CPU per call, in a session of its own."""
    async with Runner(workers=1) as runner:
        runner.policies = PolicyStore() if with_policies else NoPolicies()
        report = await runner.session(made).run()
    assert report.ended == "eos" and not report.failures, report
    return RoundTrip.took.pop() / CALLS / 1000


async def measure(rounds: int) -> dict[str, list[float]]:
    """The figures of each case, round by round."""
    figures: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        made = plans(Path(folder))
        for _ in range(rounds):
            for name, (_, with_policies) in CASES.items():
                figures[name].append(await call(made[name], with_policies=with_policies))
    return figures


# --- each by itself


def limiting(now: Callable[[], int]) -> Callable[[], None]:
    """Acquires and releases a permit."""
    limit = Limit(LimitSpec(concurrent=5, max=1_000_000), now, "node")

    def once() -> None:
        limit.try_acquire()
        limit.release()

    return once


def breaking(now: Callable[[], int]) -> Callable[[], None]:
    """Asks the breaker, and reports a success."""
    breaker = Breaker(BreakerSpec(), now, Random(0))
    return lambda: breaker.succeeded(breaker.allows())


def watching(_: Callable[[], int]) -> Callable[[], None]:
    """Watches an attempt with one output."""
    watch = Watch(DeadlineSpec(), asyncio.get_running_loop())

    def once() -> None:
        watch.begin(lambda _: None)
        watch.hold()
        watch.output()
        watch.end()

    return once


async def alone(rounds: int) -> dict[str, float]:
    """Microseconds of CPU per call of each policy, outside of a session."""
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
    """Prints the table."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    base = medians["no policies"]
    print(f"{loop}: microseconds of CPU per call, median of {len(figures['all'])}")
    for name, median in medians.items():
        differences = [value - none for value, none in zip(figures[name], figures["no policies"], strict=True)]
        print(f"  {name:22} {median:6.1f}  {median / base:.2f}x  {statistics.median(differences):+.1f}")
    print("  outside of a session:  " + ", ".join(f"{name} {took:.2f}" for name, took in parts.items()))
    cost = medians["all"] - base
    print(f"  all policies cost {cost:.1f}, target {MOST:.0f}: {'met' if cost <= MOST else 'MISSED'}")


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
