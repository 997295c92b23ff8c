"""The cache of a node: what it made for one session need not be made again for another.

    cache = Cache(spec, clock.now, size_of, SharedLevel(RedisStore(client, "tts"), PacketPacking(kinds)))
    packets = await cache.get_or_make(key, lambda: speak(text))

It looks in memory (`cache_memory`), then in what several processes share (`cache_shared`),
then makes the value: once for all concurrent callers. One cache serves the sessions of one
event loop; values must be treated as immutable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline.errors import ResourceError
from pipeline.policies.cache_memory import RANK, Key, MemoryLevel, Priority
from pipeline.policies.cache_shared import SharedLevel
from pipeline.policies.spec import CacheSpec

V = TypeVar("V")
T = TypeVar("T")

AHEAD = 256
"""Keys that may wait to be made ahead; further ones are ignored."""
CLOSING = 2.0
"""Seconds that closing waits for what it has cancelled."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache has done since it began, and what it holds now."""

    memory_hits: int
    shared_hits: int
    misses: int
    """Values that had to be made, those made ahead included."""
    joined: int
    """Callers who waited for a value that was being made already."""
    evicted: int
    """Entries removed from memory to make room."""
    expired: int
    errors: int
    """Values that could not be made or read back, and failed calls of the shared store."""
    entries: int
    """In memory."""
    bytes: int
    """In memory; never above `size`."""
    writing: int
    """Values on their way to the shared store."""


class _Flight(Generic[V]):
    """A value that is being made, and how many wait for it.

    It is shared work, so it runs in a context of its own: what calls off its first caller,
    such as a revoked cause, does not call off the value that the others wait for.
    """

    __slots__ = ("context", "rank", "task", "waiting")
    task: asyncio.Task[V]

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.waiting = 0
        self.context = Context()


class Cache(Generic[V]):
    """Values by key; `size_of` gives the bytes of memory that a value takes.

    An entry above an eighth of the size goes only to the shared store, where there is one.
    """

    def __init__(
        self,
        spec: CacheSpec,
        now: Callable[[], int],
        size_of: Callable[[V], int],
        shared: SharedLevel[V] | None = None,
    ) -> None:
        self._ttl = spec.ttl
        self._now = now
        self._size_of = size_of
        self._memory: MemoryLevel[V] = MemoryLevel(spec.size, now)
        self._shared = shared
        self._flights: dict[Key, _Flight[V]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ahead: dict[Key, tuple[Callable[[Key], Awaitable[V]], Priority]] = {}
        self._worker: asyncio.Task[None] | None = None
        self._related: Mapping[Key, Sequence[Key]] = {}
        self._make_related: Callable[[Key], Awaitable[V]] | None = None
        self._memory_hits = self._shared_hits = self._misses = self._joined = self._errors = 0

    @property
    def statistics(self) -> CacheStatistics:
        """What it has done so far."""
        return CacheStatistics(
            memory_hits=self._memory_hits,
            shared_hits=self._shared_hits,
            misses=self._misses,
            joined=self._joined,
            evicted=self._memory.evicted,
            expired=self._memory.expired,
            errors=self._errors + (self._shared.errors if self._shared is not None else 0),
            entries=len(self._memory),
            bytes=self._memory.bytes,
            writing=self._shared.writing if self._shared is not None else 0,
        )

    async def get_or_make(
        self,
        key: Key,
        make: Callable[[], Awaitable[V]],
        priority: Priority = "normal",
        join: Callable[[], object] = lambda: None,
    ) -> V:
        """The value of a key; where it is not cached, `make` is called for it, in a context of its own.

        Concurrent callers share one value, or one error, which is not kept. Cancelling a
        caller does not affect the others; when the last one has left, making the value is
        cancelled. `join` is called in the context in which another caller's `make` runs,
        to say what this caller needs of it. Raises what `make` raises.
        """
        entry = self._memory.get(key, RANK[priority])
        if entry is not None:
            self._memory_hits += 1
            value = entry.value
        else:
            value = await self._joined_flight(key, make, RANK[priority], join)
        if self._make_related is not None and key in self._related:
            self.prefetch(self._related[key], self._make_related)
        return value

    def peek(self, key: Key) -> V | None:
        """The value if it is in memory; does not count as a use."""
        entry = self._memory.peek(key)
        return entry.value if entry is not None else None

    def put(self, key: Key, value: V, priority: Priority = "normal") -> None:
        """Stores a value that was made elsewhere."""
        self._memory.put(key, value, self._size_of(value), self._ttl, RANK[priority])
        if self._shared is not None:
            self._shared.put(key, value, self._ttl)

    def time_left(self, key: Key) -> int:
        """Nanoseconds for which the value in memory is still valid; 0 if it is not there."""
        entry = self._memory.peek(key)
        return entry.expires - self._now() if entry is not None else 0

    def prefetch(
        self, keys: Iterable[Key], make: Callable[[Key], Awaitable[V]], priority: Priority = "low"
    ) -> asyncio.Task[None] | None:
        """Makes the missing values of these in the background, one after the other; errors are only counted.

        Values of low priority are made only while memory has room for them. The task that is
        returned ends when all are made that are to be made ahead; None if nothing is.
        """
        for key in keys:
            if len(self._ahead) < AHEAD and key not in self._memory and key not in self._flights:
                self._ahead.setdefault(key, (make, priority))
        if self._ahead and self._worker is None:
            self._worker = self._start(self._make_ahead(), Context())
        return self._worker

    def relate(self, related: Mapping[Key, Sequence[Key]], make: Callable[[Key], Awaitable[V]]) -> None:
        """From now on, a request for a key prefetches those related to it; replaces earlier relations."""
        self._related, self._make_related = related, make

    def clear_expired(self) -> int:
        """Drops expired entries from memory; returns the bytes that this freed."""
        return self._memory.clear_expired()

    def shrink(self, share: float) -> int:
        """Drops entries until at most `share` (0 to 1) of the size is in use; returns the bytes that this freed."""
        return self._memory.shrink(share)

    async def close(self) -> None:
        """Cancels what is being made, waiting at most 2 s for it, then at most 0.5 s for what is being written."""
        self._ahead.clear()
        if tasks := tuple(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CLOSING)
        if self._shared is not None:
            await self._shared.close()

    async def _joined_flight(
        self, key: Key, make: Callable[[], Awaitable[V]], rank: int, join: Callable[[], object]
    ) -> V:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._take_off(key, make, rank)
        else:
            self._joined += 1
            flight.rank = max(rank, flight.rank)
            flight.context.run(join)
        await self._wait(key, flight)
        if flight.task.cancelled():
            raise ResourceError("making the value was cancelled", hint="its cache was closed meanwhile")
        return flight.task.result()

    async def _wait(self, key: Key, flight: _Flight[V]) -> None:
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))  # unlike awaiting the task, this cancels only the caller
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                del self._flights[key]  # later callers must not join what is ending
                flight.task.cancel()

    def _take_off(self, key: Key, make: Callable[[], Awaitable[V]], rank: int) -> _Flight[V]:
        flight = self._flights[key] = _Flight(rank)
        flight.task = self._start(self._find_or_make(key, make, flight), flight.context)
        flight.task.add_done_callback(partial(self._land, key, flight))
        return flight

    def _land(self, key: Key, flight: _Flight[V], task: asyncio.Task[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not task.cancelled() and task.exception() is not None:
            self._errors += 1

    async def _find_or_make(self, key: Key, make: Callable[[], Awaitable[V]], flight: _Flight[V]) -> V:
        found = await self._shared.get(key) if self._shared is not None else None
        if found is not None:
            self._shared_hits += 1
            value, left = found
            self._memory.put(key, value, self._size_of(value), min(left, self._ttl), flight.rank)
            return value
        self._misses += 1
        value = await make()
        self._memory.put(key, value, self._size_of(value), self._ttl, flight.rank)
        if self._shared is not None:
            self._shared.put(key, value, self._ttl)
        return value

    async def _make_ahead(self) -> None:
        while self._ahead:
            key = next(iter(self._ahead))
            make, priority = self._ahead.pop(key)
            if key in self._memory or key in self._flights or (priority == "low" and not self._memory.room_ahead):
                continue
            await self._wait(key, self._take_off(key, partial(make, key), RANK[priority]))
        self._worker = None

    def _start(self, work: Coroutine[Any, Any, T], context: Context) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
