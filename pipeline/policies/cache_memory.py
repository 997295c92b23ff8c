"""The first level of a cache: in memory, never above its size; the least valuable entry is evicted first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

V = TypeVar("V")

Key = str | bytes
Priority = Literal["low", "normal", "high"]
"""Low is evicted first: values made ahead, which may never be asked for."""

RANK: dict[Priority, int] = {"low": 0, "normal": 1, "high": 2}
ENTRY = 256
"""Bytes that an entry takes besides its key and value, so that small values count too."""
LARGEST = 8
"""An entry above the size divided by this is not kept, for it would evict too many others."""


class CacheEntry(Generic[V]):
    """A value, and what decides how long it stays."""

    __slots__ = ("expires", "rank", "size", "value")

    def __init__(self, value: V, size: int, expires: int, rank: int) -> None:
        self.value = value
        self.size = size
        self.expires = expires
        self.rank = rank


class MemoryLevel(Generic[V]):
    """Entries up to `size` bytes in all. Within a priority the least recently used is evicted first."""

    def __init__(self, size: int, now: Callable[[], int]) -> None:
        self.size = size
        self.bytes = 0
        self.evicted = 0
        """Entries removed to make room."""
        self.expired = 0
        self._now = now
        self._entries: OrderedDict[Key, CacheEntry[V]] = OrderedDict()  # the oldest first
        self._lanes = tuple(OrderedDict[Key, None]() for _ in RANK)  # by rank, the longest unused first

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return self.peek(key) is not None

    @property
    def room_ahead(self) -> bool:
        """Whether a value of low priority would stay if it were put in now."""
        return bool(self._lanes[0]) or self.bytes <= self.size - self.size // LARGEST

    def peek(self, key: Key) -> CacheEntry[V] | None:
        """The entry, if it is valid; does not count as a use."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.expires > self._now() else None

    def get(self, key: Key, rank: int) -> CacheEntry[V] | None:
        """The entry, if it is valid; it becomes the most recently used, and of this rank if its own was lower."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= self._now():
            self._expire(key, entry)
            return None
        if rank <= entry.rank:
            self._lanes[entry.rank].move_to_end(key)
        else:
            del self._lanes[entry.rank][key]
            entry.rank = rank
            self._lanes[rank][key] = None
        return entry

    def put(self, key: Key, value: V, size: int, ttl: int, rank: int) -> None:
        """Stores a value of `size` bytes for `ttl` nanoseconds, unless it is too large."""
        old = self._entries.get(key)
        if old is not None:
            self._drop(key, old)
            rank = max(rank, old.rank)
        size += ENTRY + len(key)
        if size > self.size // LARGEST:
            return
        self._entries[key] = CacheEntry(value, size, self._now() + ttl, rank)
        self._lanes[rank][key] = None
        self.bytes += size
        self._trim(self.size)

    def clear_expired(self) -> int:
        """Drops expired entries; returns the bytes that this freed."""
        before, now = self.bytes, self._now()
        for key, entry in [each for each in self._entries.items() if each[1].expires <= now]:
            self._expire(key, entry)
        return before - self.bytes

    def shrink(self, share: float) -> int:
        """Drops entries until at most `share` (0 to 1) of the size is in use; returns the bytes that this freed."""
        freed, before = self.clear_expired(), self.bytes
        self._trim(int(self.size * share))
        return freed + before - self.bytes

    def _trim(self, size: int) -> None:
        if self.bytes <= size:
            return
        now = self._now()
        while self._entries:  # in order of arrival; one that arrived with less time left expires when it is read
            key, entry = next(iter(self._entries.items()))
            if entry.expires > now:
                break
            self._expire(key, entry)
        while self.bytes > size:
            key = next(iter(next(lane for lane in self._lanes if lane)))
            self._drop(key, self._entries[key])
            self.evicted += 1

    def _expire(self, key: Key, entry: CacheEntry[V]) -> None:
        self._drop(key, entry)
        self.expired += 1

    def _drop(self, key: Key, entry: CacheEntry[V]) -> None:
        del self._entries[key]
        del self._lanes[entry.rank][key]
        self.bytes -= entry.size
