"""The first level of a cache: in memory, never above its size, the least valuable out first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

V = TypeVar("V")

Key = str | bytes
Priority = Literal["low", "normal", "high"]
"""Low leaves first: what was made ahead and may never be asked for."""

RANK: dict[Priority, int] = {"low": 0, "normal": 1, "high": 2}
ENTRY = 256
"""Bytes that an entry takes besides its key and value: small values must not add up unseen."""
LARGEST = 8
"""An entry that is more than this part of the size would push out too much else."""


class Entry(Generic[V]):
    """A value, and what decides how long it stays."""

    __slots__ = ("expires", "rank", "size", "value")

    def __init__(self, value: V, size: int, expires: int, rank: int) -> None:
        self.value = value
        self.size = size
        self.expires = expires
        self.rank = rank


class Memory(Generic[V]):
    """Entries up to `size` bytes. Within a priority the one that was not used for longest leaves first."""

    def __init__(self, size: int, now: Callable[[], int]) -> None:
        self.size = size
        self.bytes = 0
        self.evicted = 0
        """Entries that left for want of room."""
        self.expired = 0
        self._now = now
        self._entries: OrderedDict[Key, Entry[V]] = OrderedDict()  # the oldest first
        self._lanes = tuple(OrderedDict[Key, None]() for _ in RANK)  # by rank, the longest unused first

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return self.peek(key) is not None

    @property
    def room_ahead(self) -> bool:
        """Whether something of low priority would stay, were it put in now."""
        return bool(self._lanes[0]) or self.bytes <= self.size - self.size // LARGEST

    def peek(self, key: Key) -> Entry[V] | None:
        """The entry, if it is still good; this is no use of it."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.expires > self._now() else None

    def get(self, key: Key, rank: int) -> Entry[V] | None:
        """The entry, if it is still good: now the last used, and of this rank if it had a lower one."""
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
        """Takes in a value of so many bytes for `ttl` nanoseconds, unless it is too large or worth too little."""
        old = self._entries.get(key)
        if old is not None:
            self._drop(key, old)
            rank = max(rank, old.rank)
        size += ENTRY + len(key)
        if size > self.size // LARGEST:
            return
        self._entries[key] = Entry(value, size, self._now() + ttl, rank)
        self._lanes[rank][key] = None
        self.bytes += size
        self._trim(self.size)

    def clear_expired(self) -> int:
        """Drops what is no longer good; gives the bytes that this freed."""
        before, now = self.bytes, self._now()
        for key, entry in [each for each in self._entries.items() if each[1].expires <= now]:
            self._expire(key, entry)
        return before - self.bytes

    def shrink(self, share: float) -> int:
        """Drops entries until at most `share` (0 to 1) of the size is taken; gives the bytes that this freed."""
        freed, before = self.clear_expired(), self.bytes
        self._trim(int(self.size * share))
        return freed + before - self.bytes

    def _trim(self, size: int) -> None:
        if self.bytes <= size:
            return
        now = self._now()
        while self._entries:  # What came from elsewhere with less time left is found when it is asked for.
            key, entry = next(iter(self._entries.items()))
            if entry.expires > now:
                break
            self._expire(key, entry)
        while self.bytes > size:
            key = next(iter(next(lane for lane in self._lanes if lane)))
            self._drop(key, self._entries[key])
            self.evicted += 1

    def _expire(self, key: Key, entry: Entry[V]) -> None:
        self._drop(key, entry)
        self.expired += 1

    def _drop(self, key: Key, entry: Entry[V]) -> None:
        del self._entries[key]
        del self._lanes[entry.rank][key]
        self.bytes -= entry.size
