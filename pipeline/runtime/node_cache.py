"""A node's cache as its worker uses it: outputs of the primary member, by what they depend on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext
from pipeline.node import Service
from pipeline.packet import Packet
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import bare, stamped
from pipeline.policies.spec import CacheSpec

Work = Callable[[], AsyncIterator[Any]]


class NodeCache:
    """Gives what the node made of an earlier packet for a later one with the same key."""

    def __init__(self, cache: Cache[list[Packet]], spec: CacheSpec) -> None:
        self.cache = cache
        self._spec = spec

    async def outputs(self, member: Service[Any], packet: Packet, key: str, work: Work) -> AsyncIterator[Packet]:
        """The outputs of `work`, or those made earlier. Concurrent callers share one run, whichever of them leaves."""
        join = partial(_share, JOB_CONTEXT.get())
        made: list[Packet] = []

        async def make() -> list[Packet]:
            join()
            made.extend([output async for output in work() if isinstance(output, Packet)])
            return bare(made)

        cached = await self.cache.get_or_make(key, make, join=join)
        for output in made or [member.from_cache(packet, each) for each in stamped(cached, packet.at)]:
            yield output

    def begin(self, member: Service[Any], handle: Callable[[Packet], AsyncIterator[Any]]) -> None:
        """Makes what the graph wants prefetched and is not cached; from now on also what is related to a request."""
        texts = {*self._spec.prefetch, *(text for several in self._spec.related.values() for text in several)}
        packets = {text: member.prefetch_packet(text) for text in (*texts, *self._spec.related)}
        keys = {text: member.cache_key(packet) for text, packet in packets.items() if packet is not None}
        wanted = {key: packets[text] for text, key in keys.items() if key is not None}

        async def make(key: Any) -> list[Packet]:
            _share(JobContext("low"))
            packet = wanted[key]
            assert packet is not None, "they have keys"
            return bare([output async for output in handle(packet) if isinstance(output, Packet)])

        ahead = [key for text in self._spec.prefetch if (key := keys.get(text)) is not None]
        self.cache.prefetch(ahead, make, "high")
        self.cache.relate(
            {
                key: [other for text in several if (other := keys.get(text)) is not None]
                for first, several in self._spec.related.items()
                if (key := keys.get(first)) is not None
            },
            make,
        )


def _share(caller: JobContext) -> None:
    """Adds a caller to the context that it shares with others: the most urgent lane counts, and no caller's cause."""
    shared = JOB_CONTEXT.get(None)
    lane = caller.lane if shared is None else min(shared.lane, caller.lane, key=LANES.index)
    JOB_CONTEXT.set(JobContext(lane, caller.session if shared is None else shared.session))
