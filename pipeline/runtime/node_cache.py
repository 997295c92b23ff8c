"""A node's cache as sessions use it: outputs of the primary member, by what they depend on.

What the graph wants prefetched is made when a session begins, and again when it expires while
sessions run: as delayed jobs of the scheduler's low lane.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import ResourceError
from pipeline.node import Service
from pipeline.packet import SECOND, Packet
from pipeline.policies.cache import Cache
from pipeline.policies.cache_memory import Key
from pipeline.policies.cache_packets import bare, stamped
from pipeline.policies.spec import CacheSpec

Work = Callable[[], AsyncIterator[Any]]
Primary = tuple[Service[Any], Callable[[Packet], AsyncIterator[Any]]]
"""A session's primary member of the node, and what it does with a packet."""

_log = logging.getLogger(__name__)
_RETRY = 10 * SECOND
"""Nanoseconds until a session's primary is looked for again, where none was open."""


class NodeCache:
    """Gives what the node made of an earlier packet for a later one with the same key."""

    def __init__(self, cache: Cache[list[Packet]], spec: CacheSpec) -> None:
        self.cache = cache
        self._spec = spec
        self._sessions: dict[Callable[[], Primary | None], None] = {}
        """Each gives the session's primary while that is open; in order of arrival."""
        self._texts: dict[Key, str] = {}
        """What is made ahead, by its key."""
        self._prefetching: Job[None] | None = None

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

    def join(self, primary: Callable[[], Primary | None], scheduler: Scheduler) -> None:
        """A session begins: prefetches what is missing. Its primary makes that, and what is related to a request."""
        self._sessions[primary] = None
        if self._prefetching is not None:
            self._prefetching.cancel()
        self._spawn(scheduler)

    def leave(self, primary: Callable[[], Primary | None]) -> None:
        """A session ends, and makes nothing ahead any more."""
        self._sessions.pop(primary, None)

    async def close(self) -> None:
        """Stops prefetching, and closes the cache."""
        self._sessions.clear()
        if self._prefetching is not None:
            self._prefetching.cancel()
        await self.cache.close()

    async def _prefetch(self, scheduler: Scheduler) -> None:
        """Makes what is missing, and spawns the next prefetch for when it expires."""
        delay = _RETRY
        if (found := self._primary()) is not None:
            keys = self._relate(found[0])
            making = self.cache.prefetch(keys, self._make, "high")
            if making is not None:
                await asyncio.wait((making,))
            delay = min((left for key in keys if (left := self.cache.time_left(key))), default=self._spec.ttl)
        if self._sessions:
            self._spawn(scheduler, delay)

    def _spawn(self, scheduler: Scheduler, delay: int = 0) -> None:
        self._prefetching = scheduler.spawn(partial(self._prefetch, scheduler), delay=delay)
        self._prefetching.future.add_done_callback(_log_failure)

    def _relate(self, member: Service[Any]) -> list[Key]:
        """Tells the cache which values are related; returns the keys of those to prefetch."""
        related = self._spec.related
        texts = {*self._spec.prefetch, *related, *(text for several in related.values() for text in several)}
        packets = {text: member.prefetch_packet(text) for text in texts}
        keys = {text: member.cache_key(packet) for text, packet in packets.items() if packet is not None}
        self._texts = {key: text for text, key in keys.items() if key is not None}

        def keys_of(texts: tuple[str, ...]) -> list[Key]:
            return [key for text in texts if (key := keys.get(text)) is not None]

        self.cache.relate({key: keys_of(related[text]) for text in related for key in keys_of((text,))}, self._make)
        return keys_of(self._spec.prefetch)

    async def _make(self, key: Key) -> list[Packet]:
        _share(JobContext("low"))
        found = self._primary()
        packet = found[0].prefetch_packet(self._texts[key]) if found is not None else None
        if found is None or packet is None:
            raise ResourceError("it was not made ahead", hint="the sessions that wanted it have ended")
        return bare([output async for output in found[1](packet) if isinstance(output, Packet)])

    def _primary(self) -> Primary | None:
        return next((found for primary in self._sessions if (found := primary()) is not None), None)


def _log_failure(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled() and (error := ended.exception()) is not None:
        _log.warning("prefetching stopped: a hook of the node raised %r", error)


def _share(caller: JobContext) -> None:
    """Adds a caller to the context that it shares with others: the most urgent lane counts, and no caller's cause."""
    shared = JOB_CONTEXT.get(None)
    lane = caller.lane if shared is None else min(shared.lane, caller.lane, key=LANES.index)
    JOB_CONTEXT.set(JobContext(lane, caller.session if shared is None else shared.session))
