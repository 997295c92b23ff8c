"""What it costs a host to watch its calls: everything on beside off, at the same time, on two cores.

    .venv/bin/python -m benchmarks.observe [--calls 20 --rounds 4 --seconds 20]

In each window two server processes run side by side, so that both have the same machine, each on a core, which they
change from window to window. Each has 20 WebRTC calls of a whole conversation without a model: the callers say recorded
sentences all the time, and get face frames and a second of sound for each turn.

- *on*: metrics, timelines, quality in SQLite, alerts, OpenTelemetry spans (given to an exporter that
  drops them), a recording of each call; the console is read each second and the metrics are scraped every 15 s.
- *off*: no call is watched; the host's own metrics are there, and nobody reads them.

Printed: the CPU time of each process as a share of a core, and the medians of the differences; the memory.
The targets: 3 % more CPU, 5 MB more memory. The garbage collector's heap is frozen before the first call.

Not measured: the collector of spans and the disk of another machine, models (beside them the share is smaller), the
browser that shows the console, several hours.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics

from benchmarks._density_load import measure

CPU, MEMORY = 0.03, 5.0
"""The targets: share of the CPU, MB."""
WHICH = ("off", "on")


async def rounds(calls: int, number: int, seconds: float) -> None:
    """Measures on beside off, with the cores changed each time, and prints the comparison."""
    more_cpu, more_memory, loads = [], [], []
    for turn in range(number):
        cores = (0, 1) if turn % 2 == 0 else (1, 0)
        both = (
            measure(which, calls, core=core, windows=1, seconds=seconds)
            for which, core in zip(WHICH, cores, strict=True)
        )
        off, on = await asyncio.gather(*both)
        more_cpu.append(on.cpu - off.cpu)
        more_memory.append(on.memory - off.memory)
        loads.append(off.cpu)
        print(
            f"  off {off.cpu:6.1%} {off.memory:4.0f} MB   on {on.cpu:6.1%} {on.memory:4.0f} MB   {on.counts}",
            flush=True,
        )
    cpu, memory = statistics.median(more_cpu), statistics.median(more_memory)
    print(f"\n{calls} calls on each side, medians of {number} windows of {seconds:.0f} s")
    print(f"  CPU    {cpu:+.1%} of a core, {cpu / statistics.median(loads):+.1%} relative")
    print(f"         target +3 % of a core: {'met' if cpu <= CPU else 'MISSED'}")
    print(f"  memory {memory:+.1f} MB; target +5 MB: {'met' if memory <= MEMORY else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a window")
    arguments = parser.parse_args()
    asyncio.run(rounds(arguments.calls, arguments.rounds, arguments.seconds))


if __name__ == "__main__":
    main()
