"""Attacks by callers: offers that come to nothing, and floods of events by data channel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.hostile.attacker import SHARE
from tests.hostile.honest import CALLS, SDP, HonestCaller, wait

SECONDS = 4.0 * SHARE
"""How long an attack lasts."""
PACKET = 16_000
"""Bytes that the attacker's own SCTP may have unsent."""


async def unconnected_offers(address: str) -> None:
    """Offers by the dozen, none of which leads to a connection."""
    caller = HonestCaller()
    await caller.connection.setLocalDescription(await caller.connection.createOffer())
    offer = caller.connection.localDescription.sdp

    async def again(http: httpx.AsyncClient) -> None:
        while True:
            await http.post(CALLS, content=offer, headers=SDP)

    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.gather(*(again(http) for _ in range(8)))
        except TimeoutError:
            pass
    await caller.close()


async def hang_ups(address: str) -> None:
    """Calls that end as soon as they are connected."""

    async def again() -> None:
        while True:
            caller = HonestCaller()
            await caller.connect(address)
            await caller.close()

    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(again() for _ in range(2)))
    except TimeoutError:
        pass
    while HonestCaller.all:
        await HonestCaller.all[-1].close()


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[HonestCaller]:
    caller = HonestCaller()
    await caller.connect(address)
    await caller.wait_for("session.created")
    try:
        yield caller
    finally:
        await caller.close()


async def _flood(address: str, *events: str) -> None:
    """Sends the same events again and again, until the host hangs up."""
    now = asyncio.get_running_loop().time
    async with _connected(address) as caller:
        end = now() + SECONDS
        while now() < end and caller.channel.readyState == "open":
            for event in events:
                caller.channel.send(event)
            while caller.channel.bufferedAmount > PACKET and caller.channel.readyState == "open" and now() < end:
                await wait(0.001)
            await wait(0)


def _event(kind: str, **more: object) -> str:
    return json.dumps({"type": kind, **more})


async def channel_junk(address: str) -> None:
    """Events that are none."""
    await _flood(address, *["{"] * 50)


async def channel_long_events(address: str) -> None:
    """Events as long as is allowed, of which all is parsed."""
    await _flood(address, _event("session.update", session={}, x=[[]] * 15_000))


async def channel_instructions(address: str) -> None:
    """New instructions all the time."""
    await _flood(address, *(_event("session.update", session={"instructions": each * 30_000}) for each in "ab"))


async def channel_responses(address: str) -> None:
    """Asks for one answer after the other, and waits for none."""
    content = [{"type": "input_text", "text": "What time is it?"}]
    item = {"type": "message", "role": "user", "content": content}
    await _flood(address, _event("conversation.item.create", item=item), _event("response.create"))


async def channel_items(address: str) -> None:
    """Adds and deletes messages, each of which is repeated in several events."""
    content = [{"type": "input_text", "text": "x" * 7_900}]
    item = {"type": "message", "role": "user", "id": "mine", "content": content}
    await _flood(
        address,
        _event("conversation.item.create", item=item),
        *[_event("conversation.item.retrieve", item_id="mine")] * 20,
        _event("conversation.item.delete", item_id="mine"),
    )


ATTACKS = (
    hang_ups,
    channel_junk,
    channel_long_events,
    channel_instructions,
    channel_responses,
    channel_items,
    unconnected_offers,
)
