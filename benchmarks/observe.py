"""What it costs a host to watch its calls: everything on against off, alternating, in one run.

    .venv/bin/python -m benchmarks.observe [--calls 20 --rounds 4 --seconds 20]

Each window is a server process on a core of its own with 20 WebRTC calls of a whole conversation without a model: the
callers say recorded sentences all the time, and get face frames and a second of sound for each turn.

- *on*: metrics, timelines, quality in SQLite, alerts, OpenTelemetry spans (given to an exporter that
  drops them), a recording of each call; the console is read each second and the metrics are scraped every 15 s.
- *off*: no call is watched; the host's own metrics are there, and nobody reads them.

Printed: the CPU of the server process as a share of its core, medians over the windows, and their ratio; the memory.
The targets: 3 % more CPU, 5 MB more memory. The garbage collector's heap is frozen before the first call.

Not measured: the collector of spans and the disk of another machine, models (beside them the share is smaller), the
browser that shows the console, several hours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics

from benchmarks._density_load import measure

CPU, MEMORY = 0.03, 5.0
"""The targets: share of the CPU, MB."""
NOISE = 0.05
"""Share of the server's core that other processes may use before the figures are unreliable."""


async def rounds(calls: int, number: int, seconds: float, core: int) -> None:
    """Measures on and off in turn, and prints the comparison."""
    cpu: dict[str, list[float]] = {"off": [], "on": []}
    memory: dict[str, list[float]] = {"off": [], "on": []}
    for turn in range(number):
        for which in ("off", "on") if turn % 2 == 0 else ("on", "off"):
            load = await measure(which, calls, core=core, windows=1, seconds=seconds)
            cpu[which].append(load.cpu)
            memory[which].append(load.memory)
            spoilt = " SPOILT" if load.others > NOISE else ""
            print(
                f"  {which:4} CPU {load.cpu:6.1%}  memory {load.memory:5.0f} MB  turns {load.counts}{spoilt}",
                flush=True,
            )
    off, on = (statistics.median(cpu[which]) for which in ("off", "on"))
    more = statistics.median(memory["on"]) - statistics.median(memory["off"])
    print(f"\n{calls} calls, medians of {number} windows of {seconds:.0f} s each")
    print(f"  CPU    off {off:.1%}, on {on:.1%} of a core: {on - off:+.1%} of a core, {on / off - 1:+.1%} relative")
    print(f"         target +3 % of a core: {'met' if on - off <= CPU else 'MISSED'}")
    print(f"  memory {more:+.1f} MB; target +5 MB: {'met' if more <= MEMORY else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a window")
    parser.add_argument("--core", type=int, default=1, help="core of the server")
    parser.add_argument("--callers-core", type=int, default=0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.callers_core})
    asyncio.run(rounds(arguments.calls, arguments.rounds, arguments.seconds, arguments.core))


if __name__ == "__main__":
    main()
