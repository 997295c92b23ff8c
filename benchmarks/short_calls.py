"""What short calls leave behind in a host: memory, tasks, files, threads.

    .venv/bin/python -m benchmarks.short_calls [--calls 2000] [--warm-up 600] [--at-once 4]

The host is a process of its own, with a graph that needs no model. Calls of 18 kinds follow each other
(_short_calls_callers.py): by WebRTC and by WebSocket, with a turn or without, that end with a goodbye, with an
abort, without a word, or before they were connected, that are refused, and that flood the host.

What the host holds is compared when no call is left: after the warm-up, in which everything that is loaded or
kept once comes to its place, and after all calls. The garbage is collected, and freed memory is returned to
the system, before each look.

Not measured: models, and calls of hours (tests/test_hour.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from unittest import mock

import aioice.ice
import httpx

from benchmarks._density_callers import _loopback
from benchmarks._short_calls_callers import KINDS, LONGEST, Kind, forwarded

GROWTH = 1_000
"""Bytes a call by which the memory may grow."""
SETTLING = 15.0
"""Seconds in which all calls must be over; one whose client has vanished takes 4."""
NAMES = ("tasks", "files", "threads")


@dataclass(frozen=True, slots=True)
class Left:
    """What calls have left behind."""

    calls: int
    seconds: float
    before: dict[str, int]
    after: dict[str, int]
    failed: Counter[str]
    """Calls that did not go as they should, by kind and error."""

    @property
    def growth(self) -> float:
        """Bytes a call by which the memory has grown."""
        return (self.after["memory"] - self.before["memory"]) / self.calls

    def leaks(self) -> dict[str, int]:
        """Tasks, files, threads and calls that are more than before."""
        found = {name: self.after[name] - self.before[name] for name in NAMES} | {"calls": self.after["calls"]}
        return {name: count for name, count in found.items() if count > 0}


class HostProcess:
    """The host."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self._process = process
        self.address = address

    @classmethod
    @asynccontextmanager
    async def run(cls) -> AsyncIterator[HostProcess]:
        """Starts it; ends it when it is left."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks._short_calls_host",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            yield cls(process, (await process.stdout.readline()).decode().strip())
            process.stdin.close()
            async with asyncio.timeout(10):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def holds(self) -> dict[str, int]:
        """What it holds when no call is left, or after `SETTLING`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        end = time.monotonic() + SETTLING
        while True:
            await asyncio.sleep(1)
            self._process.stdin.write(b"\n")
            held: dict[str, int] = json.loads(await self._process.stdout.readline())
            if not held["calls"] or time.monotonic() > end:
                return held


async def call(http: httpx.AsyncClient, count: int, at_once: int) -> Counter[str]:
    """Makes so many calls; returns those that failed."""
    kinds = iter(islice(cycle(KINDS), count))
    failed: Counter[str] = Counter()

    async def worker() -> None:
        for kind in kinds:
            await one(kind)

    async def one(kind: Kind) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                await kind(http)
        except (TimeoutError, httpx.HTTPError, OSError, AssertionError) as error:
            failed[f"{getattr(kind, '__name__', kind)}: {error!r}"] += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return failed


async def measure(calls: int, warm_up: int, at_once: int) -> Left:
    """Makes calls and compares."""
    with mock.patch.object(aioice.ice, "get_host_addresses", _loopback):
        async with HostProcess.run() as host:
            # A connection that is kept open would count as a file of the host.
            limits = httpx.Limits(max_keepalive_connections=0)
            hooks = {"request": [_with_address]}
            async with httpx.AsyncClient(
                base_url=host.address, timeout=LONGEST, limits=limits, event_hooks=hooks
            ) as http:
                failed = await call(http, warm_up, at_once)
                before, began = await host.holds(), time.monotonic()
                failed += await call(http, calls, at_once)
                return Left(calls, time.monotonic() - began, before, await host.holds(), failed)


async def _with_address(request: httpx.Request) -> None:
    request.headers.update(forwarded())


def show(left: Left) -> bool:
    """Prints the figures; returns whether the goals are met."""
    print(f"{left.calls} calls of {len(KINDS)} kinds in {left.seconds:.0f} s")
    for name in (*NAMES, "calls"):
        print(f"  {name:8} {left.before[name]:12} -> {left.after[name]}")
    print(f"  memory   {left.before['memory'] / 1e6:9.1f} MB -> {left.after['memory'] / 1e6:.1f} MB")
    for what, count in left.failed.items():
        print(f"  failed   {count} x {what}")
    met = left.growth < GROWTH and not left.leaks() and not left.failed
    print(f"growth: {left.growth:.0f} bytes a call (goal: < {GROWTH}); left behind: {left.leaks() or 'nothing'}")
    return met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What short calls leave behind in a host.")
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--warm-up", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    sys.exit(0 if show(asyncio.run(measure(options.calls, options.warm_up, options.at_once))) else 1)
