"""Eight calls at once on the machine's cores: which model answers whom, and how soon the first one is back.

    .venv/bin/python -m benchmarks.ladder [GRAPH] [--callers 8] [--seconds 60] [--cores 0,1]

The host is `vitagraph serve` in a process of its own. First one caller talks alone; then all callers arrive
within a second, and each asks recorded questions one after the other; when they have left, one caller talks
alone again. A caller knows the rung of each answer from the events `vitagraph.degraded` and `vitagraph.recovered`.

The targets: every question is answered; every answer of another rung than the first is announced with its reason; the
first rung answers a question that ends within 10 s after the others have left.

Not measured: whether the answers are right (`benchmarks.answers`), networks, browsers. Callers and host share the
cores, which a host of its own does not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter

import numpy as np

from benchmarks._density_figures import percentile
from benchmarks._overload_callers import Seen, crowd
from benchmarks._targets import conclude, met
from benchmarks.overload import cores, graph_of, questions, serving, until_ready

BACK = 10.0
"""Seconds within which the first rung answers again."""
ALONE = 25.0
"""Seconds for which one caller talks alone."""


def show(what: str, seen: Seen) -> None:
    """Prints who answered, how fast, and what the callers were told."""
    answers = np.asarray(seen.answers or [float("nan")])
    rungs = Counter(rung for _, rung in seen.rungs)
    print(
        f"{what:14} {seen.admitted} admitted, {seen.refused} refusals, {len(seen.answers)} answers, "
        f"{seen.unanswered} missing; by rung {dict(sorted(rungs.items()))}; voice to voice "
        f"{percentile(answers, 50) * 1000:.0f} ms median, {percentile(answers, 95) * 1000:.0f} ms at 95 %"
    )
    stages = {name: [part.get(name, 0.0) for part in seen.parts] for part in seen.parts[:1] for name in part}
    print(
        "    of that, in the median: " + ", ".join(f"{name} {np.median(times):.0f}" for name, times in stages.items())
    )
    for reason, times in seen.reasons.most_common():
        print(f"    told {times} times: {reason}")
    for wrong in seen.wrong[:5]:
        print(f"    {wrong}")


async def measure(arguments: argparse.Namespace) -> bool:
    """Prints the figures; returns whether all targets were met."""
    said = questions()
    with tempfile.TemporaryDirectory() as folder:
        async with serving(graph_of(folder, arguments.graph), arguments.cores) as (http, _):
            await until_ready(http)
            show("one caller", await crowd(1, said, http, ramp=0, seconds=ALONE))
            await until_ready(http)
            many = await crowd(arguments.callers, said, http, ramp=1, seconds=arguments.seconds)
            left = time.monotonic()
            show(f"{arguments.callers} callers", many)
            await until_ready(http)
            after = await crowd(1, said, http, ramp=0, seconds=ALONE)
            show("one again", after)
    asked = (at - took - left for (at, rung), took in zip(after.rungs, after.answers, strict=True) if rung == 0)
    back = min(asked, default=float("inf"))
    lower = any(rung for _, rung in many.rungs)
    held = {
        f"all {arguments.callers} were admitted, every question answered": many.admitted == arguments.callers
        and not many.unanswered
        and not many.wrong,
        "lower rungs say why": not lower or bool(many.reasons),
        f"the first rung answers a question that ends {back:.1f} s after they left": back <= BACK,
    }
    return met(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("graph", nargs="?", default="assistant")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cores", type=cores, default={0, 1}, metavar="N,N", help="cores of the host")
    arguments = parser.parse_args()
    conclude(measure(arguments))


if __name__ == "__main__":
    main()
