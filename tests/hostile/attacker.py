"""The process that attacks: python -m tests.hostile.attacker ADDRESS, with MODULE:NAME of each attack on stdin."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from urllib.parse import urlsplit

import uvloop

from nodes.webrtc.transport.opus import library
from tests.hostile.host import ROOT
from tests.nodes.webrtc.client import loopback

Attack = Callable[[str], Awaitable[None]]
"""A coroutine function; it gets the address of the host, and returns when the attack is over."""
LONGEST = 30
"""Seconds after which an attack is ended."""
SHARE = float(os.environ.get("VITAGRAPH_ATTACK_SHARE", "1"))
"""How long attacks last, as a share of their usual time."""
_OVER = "over"


class Attacker:
    """Runs attacks in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, attack: Attack) -> str:
        """Runs an attack until it is over; returns what it printed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(f"{attack.__module__}:{attack.__name__}\n".encode())
        printed = ""
        async with asyncio.timeout(LONGEST + 10):
            while (line := (await stdout.readline()).decode()) != f"{_OVER}\n":
                assert line, f"the attacker has ended: {attack.__name__}"
                printed += line
        return printed


@asynccontextmanager
async def attacking(address: str, share: float = 1.0) -> AsyncIterator[Attacker]:
    """An attacker of the host at an address, for the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hostile.attacker", address),
        cwd=ROOT,
        env={**os.environ, "VITAGRAPH_ATTACK_SHARE": str(share)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Attacker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def attack(address: str) -> None:
    """In that process: what is named on stdin, one after another."""
    if urlsplit(address).hostname not in ("localhost", "127.0.0.1"):
        raise ValueError(f"{address} is no address of this machine")
    loop = asyncio.get_running_loop()
    with loopback():
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            module, _, function = line.strip().partition(":")
            async with asyncio.timeout(LONGEST):
                await getattr(import_module(module), function)(address)
            sys.stdout.write(f"{_OVER}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    library()
    uvloop.run(attack(sys.argv[1]))
