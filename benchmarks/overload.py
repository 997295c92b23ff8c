"""Four times more callers than the host admits: how well are the admitted ones served?

    .venv/bin/python -m benchmarks.overload [GRAPH] [--callers 24] [--seconds 90] [--cores 1]

The host is `vitagraph serve` in a process on cores of its own, with its default limits except the
rate of new calls; the answers of `assistant` are cut after 24 tokens, for more turns in less time.
Callers are aiortc connections on another core that send recorded sentences. First one caller
talks alone. Then all callers arrive within 10 s; a refused caller calls again after the time that
the refusal states. Finally, when they have left, one caller talks alone again.

Voice-to-voice latency is measured at the caller: from the last voiced packet that it sent to the
event `output_audio_buffer.started`. The targets: the 95th percentile of the admitted callers is at
most 1.5 times that of the caller alone; every other request gets the typed refusal; there were at
least four callers for each admitted one; no call failed; and afterwards the host is as fast as before.

Not measured: networks, browsers, hosts with many cores (where more calls can overlap before one has
to wait), runs of several hours. Callers and host share one machine, and other load on it distorts
the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np

from benchmarks._density_figures import percentile
from benchmarks._density_load import busy
from benchmarks._density_sound import sentences
from benchmarks._overload_callers import Question, Seen, crowd, question
from benchmarks._targets import conclude, met

RATIO = 1.5
CROWD = 4
RAMP = 10.0
"""Seconds within which all callers arrive."""
_PROGRAM = "import os, sys; os.sched_setaffinity(0, %s); from vitagraph.cli import main; main(sys.argv[1:])"
_LIMITS = ("--new-calls", "100000/second", "--calls", "1000", "--port", "0", "--quality", "off")


def graph_of(folder: str, name: str) -> str:
    """The graph, with short answers and no greeting if it is the assistant."""
    if name != "assistant":
        return name
    file = Path(folder) / "short.yaml"
    base = Path(__file__).resolve().parent.parent / "graphs" / "assistant.yaml"
    file.write_text(
        f"vitagraph: 1\nextends: {base}\nparams: {{greeting: ''}}\nnodes:\n  chat: {{max_tokens: 24}}\n",
        encoding="utf-8",
    )
    return str(file)


class Others:
    """The load of other processes on the host's cores."""

    def __init__(self, pid: int, cores: set[int]) -> None:
        self._file, self._cores = Path(f"/proc/{pid}/stat"), cores
        self._looked = self._look()

    def share(self) -> float:
        """The fraction of the cores since the last call: 0 to 1."""
        before, self._looked = self._looked, self._look()
        wall, ours, all_ = (now - then for now, then in zip(self._looked, before, strict=True))
        return max(0.0, (all_ - ours) / wall)

    def _look(self) -> tuple[float, float, float]:
        fields = self._file.read_text().rpartition(")")[2].split()
        ours = (int(fields[11]) + int(fields[12])) * 1e9 / os.sysconf("SC_CLK_TCK")
        return time.monotonic_ns() * len(self._cores), ours, sum(map(busy, self._cores))


@asynccontextmanager
async def serving(graph: str, cores: set[int]) -> AsyncIterator[tuple[httpx.AsyncClient, Others]]:
    """A host of that graph, a client, and the other load on its cores."""
    words = (sys.executable, "-c", _PROGRAM % cores, "serve", graph, *_LIMITS)
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        address = line.split()[-1] if line else sys.exit("the host did not start; its output is above")
        async with httpx.AsyncClient(base_url=address.replace("localhost", "127.0.0.1"), timeout=30) as http:
            yield http, Others(process.pid, cores)
        assert process.returncode is None, "the host crashed"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def until_ready(http: httpx.AsyncClient, seconds: float = 60) -> float:
    """Waits until the host would take a call; returns the seconds."""
    begin = time.monotonic()
    while (await http.get("/readyz")).status_code != 200:
        if time.monotonic() - begin > seconds:
            sys.exit(f"the host is not ready again after {seconds:.0f} s")
        await asyncio.sleep(0.5)
    return time.monotonic() - begin


def questions() -> list[Question]:
    """Sentences of 1.5 to 4 seconds; each caller says all of them, in an order of its own."""
    return [question(samples) for samples, _ in sentences() if 1.5 <= samples.size / 16_000 <= 4][:12]


def show(what: str, seen: Seen, others: Others) -> tuple[float, float]:
    """Prints a line of figures; returns the median and the 95th percentile in seconds."""
    answers = np.asarray(seen.answers)
    figures = percentile(answers, 50), percentile(answers, 95)
    print(
        f"{what:24} {seen.admitted:3} admitted, {seen.refused:4} refusals, {len(seen.answers):4} answers, "
        f"{seen.unanswered} unanswered, {len(seen.wrong)} wrong;  voice to voice "
        f"{figures[0] * 1000:5.0f} ms median, {figures[1] * 1000:5.0f} ms at 95 %;  "
        f"other load {others.share():.0%} of its cores"
    )
    stages = {name: [part.get(name, 0.0) for part in seen.parts] for part in seen.parts[:1] for name in part}
    slow = {name: percentile(np.asarray(times), 95) for name, times in stages.items()}
    print("    of that at 95 %: " + ", ".join(f"{name} {time:.0f}" for name, time in slow.items()))
    for wrong in seen.wrong[:5]:
        print(f"    {wrong}")
    return figures


async def measure(arguments: argparse.Namespace) -> bool:
    """Prints the figures; returns whether all targets were met."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(graph_of(folder, arguments.graph), arguments.cores) as (http, others):
            return await measured(http, others, arguments)


async def measured(http: httpx.AsyncClient, others: Others, arguments: argparse.Namespace) -> bool:
    """The same for a running host."""
    said, alone, many = questions(), arguments.alone, arguments.callers
    before = await crowd(1, said, http, ramp=0, seconds=alone)
    _, base = show("one caller", before, others)
    await until_ready(http)
    loaded = await crowd(many, said, http, ramp=RAMP, seconds=arguments.seconds)
    _, p95 = show(f"{many} callers", loaded, others)
    back = await until_ready(http)
    after = await crowd(1, said, http, ramp=0, seconds=alone)
    _, again = show(f"one, {back:.0f} s later", after, others)
    wrong = [*before.wrong, *loaded.wrong, *after.wrong]
    unanswered = before.unanswered + loaded.unanswered + after.unanswered
    held = {
        f"95 % within {RATIO} times: {p95 / base:.2f}": p95 <= RATIO * base,
        f"{CROWD} times more callers than room: {many / max(1, loaded.admitted):.1f}": many >= CROWD * loaded.admitted,
        "every refusal is the typed one, no call failed": not wrong and loaded.refused > 0,
        f"answers that never came: {unanswered}": not unanswered,
        f"as before when they have left: {again / base:.2f}": again <= RATIO * base,
    }
    return met(held)


def cores(text: str) -> set[int]:
    """`0,1`"""
    return {int(each) for each in text.split(",")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("graph", nargs="?", default="assistant")
    parser.add_argument("--callers", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--alone", type=float, default=120, help="seconds for which one caller talks alone")
    parser.add_argument("--cores", type=cores, default={1}, metavar="N,N", help="cores of the host")
    parser.add_argument("--callers-core", type=int, default=0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.callers_core})
    conclude(measure(arguments))


if __name__ == "__main__":
    main()
