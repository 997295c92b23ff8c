"""How available is a host that meets mixed callers, strangers and faults, and is killed in the middle?

    .venv/bin/python -m benchmarks.soak [GRAPH] [--minutes 5] [--talkers 2] [--kill]

The host is `vitagraph serve --supervise` with a key and with faults (`--chaos`, or those below for
`assistant`, whose answers are cut after 24 tokens). Talkers are WebRTC callers who speak recorded questions,
stay for 0.5 to 2 minutes, hang up or just vanish, and call again with a new client secret; a typist does the
same by WebSocket. Strangers send bad offers, wrong keys, invented secrets and junk, abort requests, or make
calls to which they never connect. Every client has an address of its own, by X-Forwarded-For.

    availability   1 - time in which calls were dead / time of all calls. A call is dead from the last packet
                   of the host until its caller is connected again, or would have hung up.
    success        questions to which an answer began within 30 s / all questions

With `--kill` the host that serves is killed (SIGKILL) at half time. What follows from that is counted
separately: how long until each caller is connected again, with the page's own waits (_soak_callers.py).

Not measured: browsers (tests/browser/test_restart.py does that), networks that lose packets. Callers and
host share the machine: a figure that misses its goal on a busy machine says little.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from benchmarks._density_sound import sentences
from benchmarks._overload_callers import Question, question
from benchmarks._soak_callers import KEY, Soak, Talker
from benchmarks._soak_figures import Ledger, table
from benchmarks._soak_strangers import Stranger, Typist, offer
from benchmarks._targets import conclude, met
from benchmarks.overload import graph_of

CHAOS = """
chaos:
  - {node: asr, fault: error, chance: 0.05}
  - {node: asr, fault: hang, chance: 0.02}
  - {node: asr, fault: empty, chance: 0.02}
  - {node: chat, fault: error, category: network, chance: 0.05}
  - {node: chat, fault: stall, chance: 0.02}
  - {node: chat, fault: no_output, chance: 0.02}
  - {node: tts, fault: error, chance: 0.05}
  - {node: tts, fault: latency, latency: 1s, chance: 0.05}
  - {node: face, fault: error, chance: 0.05}
  - {node: vad, fault: error, chance: 0.0005}
"""
AVAILABILITY, SUCCESS, BACK = 0.9999, 0.98, 5.0
"""What must hold: shares, and seconds after the SIGKILL."""
PROBE = 0.5
"""Seconds between two probes of /healthz."""


class Host:
    """The host under its supervisor, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []

    async def read(self) -> None:
        """Takes note of its output until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said.append(line.decode().rstrip())

    async def until_said(self, words: str, seconds: float) -> str:
        """The first line with these words."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.said:
                    if words in line:
                        return line
                if self._process.returncode is not None:
                    sys.exit("the host has ended:\n" + "\n".join(self.said))
                await asyncio.sleep(0.1)

    def serving(self) -> int:
        """The process id of the host that serves: the oldest child of the supervisor."""
        found = subprocess.run(
            ["pgrep", "-o", "-P", str(self._process.pid)], capture_output=True, text=True, check=True
        )
        return int(found.stdout)

    def memory(self) -> float:
        """Megabytes that the host that serves has in use."""
        pages = int(Path(f"/proc/{self.serving()}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@asynccontextmanager
async def serving(graph: str, chaos: str | None) -> AsyncIterator[tuple[Host, httpx.AsyncClient]]:
    """A host, and a client of it."""
    words = [
        sys.executable,
        "-m",
        "vitagraph",
        "serve",
        graph,
        "--port",
        "0",
        "--supervise",
        "--drain",
        "0",
        "--log",
        "human",
    ]
    words += ["--quality", "off"]
    words += ["--proxy", "127.0.0.1", "--new-calls", "600/minute", *(("--chaos", chaos) if chaos else ())]
    environment = {**os.environ, "VITAGRAPH_API_KEY": KEY}
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
    )
    host = Host(process)
    reading = asyncio.create_task(host.read())
    try:
        ready = await host.until_said("is ready: ", 120)
        address = ready.rpartition(" ")[2].replace("localhost", "127.0.0.1")
        limits = httpx.Limits(max_connections=None, keepalive_expiry=5)
        async with httpx.AsyncClient(base_url=address, timeout=30, limits=limits) as http:
            yield host, http
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await reading


async def send(soak: Soak) -> None:
    """Sends a packet of each line every 20 ms, until it is cancelled."""
    begin, slot = time.monotonic(), 0
    while True:
        await asyncio.sleep(max(0.0, begin + slot * 0.02 - time.monotonic()))
        for line in tuple(soak.lines):
            line.send()
        slot += 1


async def probe(soak: Soak) -> None:
    """Measures /healthz until it is cancelled."""
    while True:
        began = time.monotonic()
        try:
            status = (await soak.http.get("/healthz")).status_code
        except httpx.TransportError as error:
            status = 0
            if not soak.by_kill(began):
                soak.ledger.wrong.append(f"healthz: {error!r}")
        if status == 200 and not soak.by_kill(began):
            soak.ledger.healthz.append(time.monotonic() - began)
        await asyncio.sleep(PROBE)


def questions() -> list[Question]:
    """Sentences of 1.5 to 4 seconds."""
    return [question(samples) for samples, _ in sentences() if 1.5 <= samples.size / 16_000 <= 4][:12]


async def measure(arguments: argparse.Namespace) -> bool:
    """Prints the figures; whether all held."""
    said, sdp = questions(), await offer()
    with tempfile.TemporaryDirectory() as folder:
        chaos = arguments.chaos
        if chaos is None and arguments.graph == "assistant":
            chaos = Path(folder) / "chaos.yaml"
            chaos.write_text(CHAOS, encoding="utf-8")
        async with serving(graph_of(folder, arguments.graph), chaos and str(chaos)) as (host, http):
            await host.until_said("ready to take over", 120)
            soak = Soak(http, Ledger(), said)
            before = host.memory()
            await play(soak, sdp, host, arguments)
            print("\n".join(table(soak.ledger, killed=arguments.kill)))
            print(f"memory of the host that serves: {before:.0f} MB before, {host.memory():.0f} MB after")
        errors = [line for line in host.said if "ERROR" in line or "Traceback" in line]
        print(f"lines of the host's log: {len(host.said)}, with ERROR {len(errors)}")
        for line in errors[:10]:
            print(f"    {line[:200]}")
    return verdict(soak.ledger, arguments.kill)


async def play(soak: Soak, sdp: str, host: Host, arguments: argparse.Namespace) -> None:
    """All clients, for so many minutes."""
    clients: list[Talker | Typist | Stranger] = [
        *(Talker(number, soak) for number in range(arguments.talkers)),
        *(Typist(number, soak) for number in range(arguments.typists)),
        *(Stranger(number, soak, sdp) for number in range(arguments.strangers)),
    ]
    tasks = [asyncio.create_task(send(soak)), asyncio.create_task(probe(soak))]
    tasks += [asyncio.create_task(client.run()) for client in clients]
    half = arguments.minutes * 30
    try:
        await first_failure(tasks, half)
        if arguments.kill:
            soak.killed_at = time.monotonic()
            os.kill(host.serving(), signal.SIGKILL)
        await first_failure(tasks, half)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def first_failure(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    """Waits so long; raises what a task raises: a fault of this program."""
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


def verdict(ledger: Ledger, killed: bool) -> bool:
    """Prints which goals were met; whether all were."""
    held = {
        f"availability {AVAILABILITY:.2%}: {ledger.availability(killed=False):.4%}": ledger.availability(killed=False)
        >= AVAILABILITY,
        f"success {SUCCESS:.0%}: {ledger.success:.2%}": ledger.success >= SUCCESS,
        "nothing wrong": not ledger.wrong,
    }
    if killed:
        slowest = max(ledger.back, default=0.0)
        held[f"back within {BACK:.0f} s after SIGKILL: {slowest:.1f} s"] = bool(ledger.back) and slowest <= BACK
    return met(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("graph", nargs="?", default="assistant")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--talkers", type=int, default=2)
    parser.add_argument("--typists", type=int, default=1)
    parser.add_argument("--strangers", type=int, default=3)
    parser.add_argument("--chaos", type=Path, help="other faults than those for `assistant`")
    parser.add_argument("--kill", action="store_true", help="SIGKILL the host that serves at half time")
    arguments = parser.parse_args()
    conclude(measure(arguments))


if __name__ == "__main__":
    main()
