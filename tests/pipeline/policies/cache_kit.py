"""A cache in virtual time, what it makes, and a store that is a dict."""
# ruff: noqa: TID251 - it runs in virtual time

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import Clock
from pipeline.errors import NetworkError
from pipeline.params import seconds
from pipeline.policies.cache import Cache
from pipeline.policies.cache_memory import Key
from pipeline.policies.cache_shared import SharedLevel
from pipeline.policies.spec import CacheSpec
from pipeline.runtime.virtual import run_virtual

SIZE = 100_000
TTL = seconds(10)


class Texts:
    """Packs texts; what is no UTF-8 is unreadable."""

    def pack(self, value: str, /) -> bytes:
        return value.encode()

    def unpack(self, data: bytes, /) -> str:
        return data.decode()


@dataclass
class FakeStore:
    """A store in a dict."""

    kept: dict[Key, tuple[bytes, int]] = field(default_factory=dict)
    errors: int = 0

    async def get(self, key: Key) -> tuple[bytes, int] | None:
        return self.kept.get(key)

    async def put(self, key: Key, value: bytes, ttl: int) -> None:
        await asyncio.sleep(0.01)
        self.kept[key] = (value, ttl)


class Maker:
    """Takes `takes` seconds for a value, and notices what is made twice at a time."""

    def __init__(self, takes: float = 1.0) -> None:
        self.takes = takes
        self.made: list[Key] = []
        self.inside: list[Key] = []
        self.most = 0
        self.twice = False
        self.cancelled = 0
        self.fails: set[Key] = set()

    async def make(self, key: Key) -> str:
        self.made.append(key)
        self.twice = self.twice or key in self.inside
        self.inside.append(key)
        self.most = max(self.most, len(self.inside))
        try:
            await asyncio.sleep(self.takes)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside.remove(key)
        if key in self.fails:
            raise NetworkError("no answer")
        return f"{key!s}!"

    def of(self, key: Key) -> Callable[[], Awaitable[str]]:
        return lambda: self.make(key)


def new(store: FakeStore | None = None, size: int = SIZE) -> Cache[str]:
    clock = Clock(asyncio.get_running_loop())
    shared = SharedLevel(store, Texts()) if store is not None else None
    return Cache(CacheSpec(size=size, ttl=TTL), clock.now, len, shared)


def run(main: Callable[[Cache[str], Maker], Coroutine[Any, Any, None]], store: FakeStore | None = None) -> None:
    """Runs a test in virtual time with a cache that is closed at the end."""

    async def whole() -> None:
        cache = new(store)
        await main(cache, Maker())
        await cache.close()

    run_virtual(whole())
