"""What a node keeps of what it made, as its worker uses it."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pipeline.cause import Causes
from pipeline.node import Service
from pipeline.packet import SECOND, Packet, Stamp
from pipeline.params import seconds
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import size_of
from pipeline.policies.spec import CacheSpec
from pipeline.runtime.node_cache import NodeCache
from pipeline.runtime.virtual import run_virtual


class Said(Packet, frozen=True):
    """A text."""

    text: str


class Voice(Service[Any]):
    """Says a text."""

    def cache_key(self, packet: Packet) -> str | None:
        return packet.text if isinstance(packet, Said) else None

    def prefetch_packet(self, text: str) -> Packet | None:
        return Said(Stamp(0, 0, Causes().root), text)


def test_node_cache_renews_prefetched_values() -> None:
    """An apology must be there on the second day too, when the voice is not."""

    async def main() -> list[str]:
        made: list[str] = []

        async def say(packet: Packet) -> AsyncIterator[Packet]:
            assert isinstance(packet, Said)
            made.append(packet.text)
            yield packet

        spec = CacheSpec(ttl=seconds(60), prefetch=("Sorry.",))
        loop = asyncio.get_running_loop()
        kept = NodeCache(Cache(spec, lambda: round(loop.time() * SECOND), size_of), spec)
        for _ in range(2):  # two sessions within a minute, and two after it
            for _ in range(2):
                kept.begin(Voice(), say)
                await asyncio.sleep(10)
            await asyncio.sleep(60)
        await kept.cache.close()
        return made

    assert run_virtual(main()) == ["Sorry.", "Sorry."]
