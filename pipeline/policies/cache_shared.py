"""The second level of a cache: values as bytes in a store that several processes share.

A value is read while a caller waits for it, so a store answers quickly or not at all; it
is written in the background.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pipeline.packet import MILLISECOND
from pipeline.policies.cache_memory import Key
from pipeline.policies.redis import RedisClient, RedisUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

V = TypeVar("V")
T = TypeVar("T")

MAX_VALUE = 1 << 22
"""Bytes of a value: a minute of sound, which Redis gives within `CALL`. A longer one is neither written nor read."""
CALL = 0.05
"""Seconds that a call of Redis may take."""
WRITES = 64
"""Values that may wait to be written; further ones stay in memory alone."""
AT_ONCE = 4
"""Values written at a time, so that reading, for which a caller waits, does not find the store busy."""
CLOSING = 0.5
"""Seconds that closing waits for writes."""


class Store(Protocol):
    """Bytes by key. It may be away, but it neither raises nor hangs."""

    @property
    def errors(self) -> int:
        """Calls that failed."""

    async def get(self, key: Key) -> tuple[bytes, int] | None:
        """A value and the nanoseconds for which it is still valid; None if it is not there, or the store is away."""

    async def put(self, key: Key, value: bytes, ttl: int) -> None:
        """Stores a value for `ttl` nanoseconds, if it can."""


class RedisStore:
    """Bytes in Redis under `vitagraph:cache:NAME:`. A call takes 50 ms at most, and waits for no connection."""

    def __init__(self, redis: RedisClient, name: str) -> None:
        redis.bound = min(redis.bound, CALL)
        self._redis = redis
        self._prefix = f"vitagraph:cache:{name}:"
        self.errors = 0

    async def get(self, key: Key) -> tuple[bytes, int] | None:
        """A value and the nanoseconds for which it is still valid; None if it is not there, or Redis is away."""
        name = self._name(key)

        async def read(client: Redis) -> Sequence[object]:
            both = client.pipeline(transaction=False)
            both.getrange(name, 0, MAX_VALUE)  # one byte more than a value may have
            both.pttl(name)
            return await both.execute(raise_on_error=False)  # a value of another type is no failure of Redis

        match await self._call(read):
            case [bytes(value), int(left)] if left > 0 and len(value) <= MAX_VALUE:
                return value, left * MILLISECOND
            case [_, left] if left != -2:  # which is what there is not
                self.errors += 1  # too long, without an end, or of another type
        return None

    async def put(self, key: Key, value: bytes, ttl: int) -> None:
        """Stores a value for `ttl` nanoseconds, unless Redis is away or the value is too long."""
        if len(value) > MAX_VALUE:
            return
        await self._call(lambda client: client.set(self._name(key), value, px=max(1, ttl // MILLISECOND)))

    async def _call(self, command: Callable[[Redis], Awaitable[T]]) -> T | None:
        try:
            return await self._redis.call(command, CALL)
        except RedisUnavailable as error:
            self.errors += error.failed
            return None

    def _name(self, key: Key) -> bytes:
        # Hashed, so that a list of keys does not show what people said.
        kind, raw = (b"t", key.encode()) if isinstance(key, str) else (b"b", key)
        return self._prefix.encode() + blake2b(kind + raw, digest_size=20).hexdigest().encode()


class Packing(Protocol[V]):
    """How values become bytes and come back."""

    def pack(self, value: V, /) -> bytes:
        """The value as bytes."""

    def unpack(self, data: bytes, /) -> V:
        """The value again; raises ValueError when these bytes are not one."""


class SharedLevel(Generic[V]):
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

    @property
    def writing(self) -> int:
        """Values on their way to the store."""
        return len(self._writes)

    async def get(self, key: Key) -> tuple[V, int] | None:
        """A value and the nanoseconds for which it is still valid, or None."""
        found = await self._store.get(key)
        if found is None:
            return None
        try:
            return self._packing.unpack(found[0]), found[1]
        except ValueError:  # Most likely of another version: it will be made and written again.
            self._unreadable += 1
            return None

    def put(self, key: Key, value: V, ttl: int) -> None:
        """Writes a value in the background, valid for `ttl` nanoseconds."""
        if len(self._writes) < WRITES:
            write = asyncio.get_running_loop().create_task(self._write(key, value, ttl))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Waits up to half a second for what is being written."""
        if writes := tuple(self._writes):
            _, late = await asyncio.wait(writes, timeout=CLOSING)
            for write in late:
                write.cancel()

    async def _write(self, key: Key, value: V, ttl: int) -> None:
        async with self._turn:
            await self._store.put(key, self._packing.pack(value), ttl)
