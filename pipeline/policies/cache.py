"""The cache of a node: what it made for one session, another need not make again.

    cache = Cache(spec, clock.now, size_of, Shared(RedisStore(spec.shared, "tts"), PacketPacking(kinds)))
    packets = await cache.get_or_make(key, lambda: speak(text))

It looks in memory (`cache_memory`), then in what several processes share (`cache_shared`),
then makes the value: once, however many ask for it meanwhile. One cache serves the
sessions of one event loop, each of which must treat what it gets as immutable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline.errors import ResourceError
from pipeline.policies.cache_memory import RANK, Key, Memory, Priority
from pipeline.policies.cache_shared import Shared
from pipeline.policies.spec import CacheSpec

V = TypeVar("V")
T = TypeVar("T")

AHEAD = 256
"""Keys that may wait to be made ahead; more are not taken on."""
CLOSING = 2.0
"""Seconds that closing waits for what it has called off."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache has done since it began, and what it holds now."""

    memory_hits: int
    shared_hits: int
    misses: int
    """Values that had to be made, those made ahead included."""
    joined: int
    """Askers who waited for what was being made for another."""
    evicted: int
    """Entries that left memory for want of room."""
    expired: int
    errors: int
    """Values that could not be made or read back, and failed calls of the shared store."""
    entries: int
    """In memory."""
    bytes: int
    """In memory; never above `size`."""


class _Flight(Generic[V]):
    """A value on its way, and how many wait for it."""

    __slots__ = ("rank", "task", "waiting")
    task: asyncio.Task[V]

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.waiting = 0


class Cache(Generic[V]):
    """Values by key; `size_of` says how many bytes of memory a value takes.

    An entry above an eighth of the size goes to the shared store alone, where there is one.
    """

    def __init__(
        self,
        spec: CacheSpec,
        now: Callable[[], int],
        size_of: Callable[[V], int],
        shared: Shared[V] | None = None,
    ) -> None:
        self._ttl = spec.ttl
        self._size_of = size_of
        self._memory: Memory[V] = Memory(spec.size, now)
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
        )

    async def get_or_make(self, key: Key, make: Callable[[], Awaitable[V]], priority: Priority = "normal") -> V:
        """The value of a key; `make` gives it when it is nowhere.

        Those who ask while it is being made wait for the same value, or get the same error,
        which is not kept. An asker who is cancelled leaves the others theirs; when the last
        one has left, the making is cancelled too. Raises what `make` raises.
        """
        entry = self._memory.get(key, RANK[priority])
        if entry is not None:
            self._memory_hits += 1
            value = entry.value
        else:
            value = await self._joined_flight(key, make, RANK[priority])
        if self._make_related is not None and key in self._related:
            self.prefetch(self._related[key], self._make_related)
        return value

    def peek(self, key: Key) -> V | None:
        """The value if it is in memory; counts as no use of it."""
        entry = self._memory.peek(key)
        return entry.value if entry is not None else None

    def put(self, key: Key, value: V, priority: Priority = "normal") -> None:
        """Keeps a value that was made elsewhere."""
        self._memory.put(key, value, self._size_of(value), self._ttl, RANK[priority])
        if self._shared is not None:
            self._shared.put(key, value, self._ttl)

    def prefetch(self, keys: Iterable[Key], make: Callable[[Key], Awaitable[V]], priority: Priority = "low") -> None:
        """Makes what is missing of these in the background, one after the other; errors are only counted.

        Of low priority is made only what would find room in memory.
        """
        for key in keys:
            if len(self._ahead) < AHEAD and key not in self._memory and key not in self._flights:
                self._ahead.setdefault(key, (make, priority))
        if self._ahead and self._worker is None:
            self._worker = self._start(self._make_ahead())

    def relate(self, related: Mapping[Key, Sequence[Key]], make: Callable[[Key], Awaitable[V]]) -> None:
        """From now on, who asks for a key has those related to it prefetched; replaces what was said before."""
        self._related, self._make_related = related, make

    def clear_expired(self) -> int:
        """Drops from memory what is no longer good; gives the bytes that this freed."""
        return self._memory.clear_expired()

    def shrink(self, share: float) -> int:
        """Drops from memory until at most `share` (0 to 1) of the size is taken; gives the bytes that this freed."""
        return self._memory.shrink(share)

    async def close(self) -> None:
        """Calls off what is being made, waiting at most two seconds for it, and closes what is shared."""
        self._ahead.clear()
        if tasks := tuple(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CLOSING)
        if self._shared is not None:
            await self._shared.close()

    async def _joined_flight(self, key: Key, make: Callable[[], Awaitable[V]], rank: int) -> V:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._take_off(key, make, rank)
        else:
            self._joined += 1
            flight.rank = max(rank, flight.rank)
        await self._wait(key, flight)
        if flight.task.cancelled():
            raise ResourceError("what was being made was called off", hint="its cache was closed meanwhile")
        return flight.task.result()

    async def _wait(self, key: Key, flight: _Flight[V]) -> None:
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))  # Unlike awaiting it, this cancels none but the one who waits.
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                del self._flights[key]  # Who asks from now on must not join what is ending.
                flight.task.cancel()

    def _take_off(self, key: Key, make: Callable[[], Awaitable[V]], rank: int) -> _Flight[V]:
        flight = self._flights[key] = _Flight(rank)
        flight.task = self._start(self._find_or_make(key, make, flight))
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

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
