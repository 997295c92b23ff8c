"""Attacks with client secrets, tokens and forged headers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.hostile.attacker import SHARE
from tests.hostile.honest import CALLS, SDP

SECRETS = "/v1/realtime/client_secrets"
MANY = 1_500
"""Requests of a flood: more than there may be secrets."""
LONGEST = 8 * SHARE
"""Seconds after which a flood ends, on a slow machine."""
AT_ONCE = 4
"""Connections of an attacker. A flood of connections is another attack."""
JSON = {"Content-Type": "application/json"}


async def _flood(address: str, count: int, ask: Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]) -> None:
    """Sends requests as fast as they are answered, and prints the answers."""
    statuses: Counter[int] = Counter()
    now = asyncio.get_running_loop().time
    end = now() + LONGEST
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:

        async def some(first: int) -> None:
            for number in range(first, count, AT_ONCE):
                if now() > end:
                    break
                statuses[(await ask(http, number)).status_code] += 1

        await asyncio.gather(*(some(first) for first in range(AT_ONCE)))
    sys.stdout.write(f"{dict(statuses)}\n")


async def large_sessions(address: str) -> None:
    """Secrets with sessions of 64 kB, which take 1.6 MB each once they are objects."""
    body = json.dumps({"session": {"tools": [[] for _ in range(20_000)]}}, separators=(",", ":"))
    await _flood(address, MANY, lambda http, _: http.post(SECRETS, content=body, headers=JSON))


async def long_instructions(address: str) -> None:
    """Secrets with the longest instructions."""
    await _flood(
        address,
        MANY,
        lambda http, number: http.post(SECRETS, json={"session": {"instructions": f"{number:06}".ljust(32_000, "x")}}),
    )


async def invented_secrets(address: str) -> None:
    """Calls with secrets that do not exist."""

    def call(http: httpx.AsyncClient, number: int) -> Awaitable[httpx.Response]:
        return http.post(CALLS, content="v=0\r\n", headers={**SDP, "Authorization": f"Bearer ek_{number}"})

    await _flood(address, MANY, call)


async def forged_addresses(address: str) -> None:
    """Requests that claim to come from thousands of addresses, through a thousand proxies each."""

    def ask(http: httpx.AsyncClient, number: int) -> Awaitable[httpx.Response]:
        hops = ", ".join(f"10.{number % 250}.{hop % 250}.{hop // 250}" for hop in range(1_000))
        return http.get("/graphs", headers={"X-Forwarded-For": hops})

    await _flood(address, MANY, ask)


async def reconnecting(address: str) -> None:
    """One secret and its renewals, over and over: each call ends the one before."""
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        secret = (await http.post(SECRETS, json={})).json()["value"]
    url = address.replace("http", "ws")
    now = asyncio.get_running_loop().time
    end = now() + LONGEST
    for number in range(100):
        protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
        socket = await connect(f"{url}/v1/realtime", subprotocols=protocols)
        secret = json.loads(await socket.recv())["session"]["client_secret"]["value"]
        if number % 2:
            socket.transport.abort()
        if now() > end:
            break
    sys.stdout.write(f"{number + 1} calls\n")


ATTACKS = (large_sessions, long_instructions, invented_secrets, forged_addresses, reconnecting)
