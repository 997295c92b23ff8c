"""Runs one attack: python -m tests.hostile.attacker ADDRESS MODULE:NAME."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
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


def command(address: str, attack: Attack) -> list[str]:
    """How to run an attack in a process of its own."""
    name = f"{attack.__module__}:{attack.__name__}"
    return [sys.executable, "-m", "tests.hostile.attacker", address, name]


async def run(address: str, attack: Attack) -> str:
    """Runs an attack in a process of its own until it is over; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command(address, attack), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LONGEST + 10):
            out, trouble = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, trouble.decode(errors="replace")
    return out.decode()


async def attack(address: str, name: str) -> None:
    """In that process."""
    module, _, function = name.partition(":")
    if urlsplit(address).hostname not in ("localhost", "127.0.0.1"):
        raise ValueError(f"{address} is no address of this machine")
    with loopback():
        async with asyncio.timeout(LONGEST):
            await getattr(import_module(module), function)(address)


if __name__ == "__main__":
    library()
    uvloop.run(attack(*sys.argv[1:]))
