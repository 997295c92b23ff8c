"""The second level of a cache: values as bytes in a store that several processes share.

A value is read while somebody waits for it, so a store answers quickly or not at all; it
is written in the background.
"""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar

from pipeline.policies.cache_memory import Key

V = TypeVar("V")

WRITES = 64
"""Values that may wait to be written; more stay in memory alone."""
AT_ONCE = 4
"""Values written at a time: reading, for which somebody waits, must not find the store busy."""
CLOSING = 0.5
"""Seconds that closing waits for them."""


class Store(Protocol):
    """Bytes by key. It may be away, but it neither raises nor hangs."""

    @property
    def errors(self) -> int:
        """Calls that failed."""

    async def get(self, key: Key) -> tuple[bytes, int] | None:
        """A value and the nanoseconds for which it is still good; None if it is not there, or the store is away."""

    async def put(self, key: Key, value: bytes, ttl: int) -> None:
        """Keeps a value for `ttl` nanoseconds, if it can."""

    async def close(self) -> None:
        """Lets go of its connections."""


class Packing(Protocol[V]):
    """How values become bytes and come back."""

    def pack(self, value: V, /) -> bytes:
        """The value as bytes."""

    def unpack(self, data: bytes, /) -> V:
        """The value again; raises ValueError when these bytes are not one."""


class Shared(Generic[V]):
    """Values in a store."""

    def __init__(self, store: Store, packing: Packing[V]) -> None:
        self._store = store
        self._packing = packing
        self._unreadable = 0
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._writes: set[asyncio.Task[None]] = set()

    @property
    def errors(self) -> int:
        """Calls of the store that failed, and values that could not be read back."""
        return self._store.errors + self._unreadable

    async def get(self, key: Key) -> tuple[V, int] | None:
        """A value and the nanoseconds for which it is still good, or None."""
        found = await self._store.get(key)
        if found is None:
            return None
        try:
            return self._packing.unpack(found[0]), found[1]
        except ValueError:  # Of another version, most likely: it will be made and written anew.
            self._unreadable += 1
            return None

    def put(self, key: Key, value: V, ttl: int) -> None:
        """Writes a value in the background, good for `ttl` nanoseconds."""
        if len(self._writes) < WRITES:
            write = asyncio.get_running_loop().create_task(self._write(key, value, ttl))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Lets what is being written get there, at most half a second long, and closes the store."""
        if writes := tuple(self._writes):
            _, late = await asyncio.wait(writes, timeout=CLOSING)
            for write in late:
                write.cancel()
        await self._store.close()

    async def _write(self, key: Key, value: V, ttl: int) -> None:
        async with self._turn:
            await self._store.put(key, self._packing.pack(value), ttl)
