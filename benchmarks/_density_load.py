"""Many calls at once: their cost on the server's core, and whether frames arrive in time."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._density_callers import Caller, Server, connected, encoded, read, speak
from benchmarks._density_figures import LATE, percentile, share
from benchmarks._density_nodes import TURN, VOICE
from benchmarks._density_sound import sentences
from nodes.packets import Samples

WARM = 3.0
"""Seconds of load before the measurement starts."""


@dataclass(frozen=True, slots=True)
class Load:
    """The figures of a number of calls."""

    which: str
    calls: int
    cpu: float
    """The fraction of the server's core that the server uses, median of the windows."""
    others: float
    """The fraction of that core that other processes used meanwhile."""
    memory: float
    """MB."""
    frames: int
    """Frames that arrived at the callers."""
    missing: int
    late: float
    """The fraction of the frames that was late."""
    lateness: tuple[float, float, float]
    """Milliseconds: 99th and 99.9th percentile, maximum."""
    delay: tuple[float, float]
    """Milliseconds from sending by a caller to delivery after the voice detector: median, 99th percentile."""
    unheard: int
    """Frames that callers sent and the graph did not receive, of `said`."""
    said: int
    counts: dict[str, int]

    @property
    def bad(self) -> float:
        """The fraction of the frames that was late or missing."""
        return (self.late * self.frames + self.missing) / max(1, self.frames + self.missing)


async def measure(which: str, calls: int, *, core: int, windows: int, seconds: float) -> Load:
    """Connects `calls` callers, who all speak, and measures `windows` windows of `seconds` each."""
    packets = encoded(np.concatenate([samples for samples, _ in sentences()]))
    callers = [Caller(f"call-{n}", packets, begin=n * len(packets) // calls) for n in range(calls)]
    with tempfile.TemporaryDirectory() as temporary:
        speech, heard = Path(temporary) / "speech.npy", Path(temporary) / "heard.npz"
        np.save(speech, turn_of_speech(VOICE if which == "ours" else 24_000))
        async with Server.run(which, speech, core=core) as server, connected(callers, server):
            talk = asyncio.create_task(speak(callers, WARM + windows * seconds + 0.5))
            await asyncio.sleep(WARM)
            begin = time.time_ns()
            looks = [await look(server, core)]
            for _ in range(windows):
                await asyncio.sleep(seconds)
                looks.append(await look(server, core))
            end = time.time_ns()
            await talk
            await asyncio.sleep(0.5)
            await server.ask("save", file=str(heard))
            counts = await server.ask("counts")
        return summary(which, callers, looks, (begin, end), heard, counts)


async def look(server: Server, core: int) -> dict[str, float]:
    """What the server has used so far, and how long its core was busy."""
    return {**await server.ask("usage"), "busy": busy(core)}


def busy(core: int) -> float:
    """Nanoseconds for which a core was busy, for all processes."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) * 1e9 / os.sysconf("SC_CLK_TCK")


def summary(
    which: str,
    callers: Sequence[Caller],
    looks: Sequence[dict[str, float]],
    span: tuple[int, int],
    file: Path,
    counts: dict[str, int],
) -> Load:
    """The figures over all callers."""
    pairs = list(pairwise(looks))
    cpu = [(b["cpu"] - a["cpu"]) / (b["clock"] - a["clock"]) for a, b in pairs]
    core = [(b["busy"] - a["busy"]) / (b["clock"] - a["clock"]) for a, b in pairs]
    arrivals = [caller.arrivals.between(*span) for caller in callers]
    lateness = np.concatenate([each.lateness() for each in arrivals])
    heard = [each for each, _ in read(file, callers)]
    delays = np.concatenate([each.delays for each in heard])
    return Load(
        which=which,
        calls=len(callers),
        cpu=statistics.median(cpu),
        others=max(0.0, statistics.median(core) - statistics.median(cpu)),
        memory=looks[-1]["memory"],
        frames=lateness.size,
        missing=sum(each.missing() for each in arrivals),
        late=share(lateness, LATE),
        lateness=(percentile(lateness, 99), percentile(lateness, 99.9), percentile(lateness, 100)),
        delay=(percentile(delays, 50), percentile(delays, 99)),
        unheard=sum(each.sent.size - each.numbers.size for each in heard),
        said=sum(each.sent.size for each in heard),
        counts=counts,
    )


def turn_of_speech(rate: int) -> Samples:
    """The speech of a bot in its turn, resampled to `rate` Hz."""
    import soxr

    samples = np.concatenate([samples for samples, _ in sentences()])
    speech: Any = soxr.resample(samples[: 16_000 * TURN // 1_000_000_000], 16_000, rate, "HQ")
    return np.asarray(speech, np.int16)
