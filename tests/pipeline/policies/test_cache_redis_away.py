"""The store in Redis, whose real server is killed, frozen, full and restarted: nobody waits for it."""
# ruff: noqa: TID251 - a real server lives in real time

from __future__ import annotations

import asyncio
import itertools
import logging
import time

import pytest
import redis.asyncio
import uvloop

from pipeline.clock import Clock
from pipeline.policies.cache import Cache
from pipeline.policies.cache_redis import CALL, RedisStore
from pipeline.policies.cache_shared import Shared
from pipeline.policies.spec import CacheSpec
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.policies.cache_kit import Texts
from tests.pipeline.policies.redis_kit import HOUR, Loop, Said, run, said, until
from tests.pipeline.policies.redis_server import RedisServer, redis_server

__all__ = ["redis_server", "said"]

pytestmark = pytest.mark.usefixtures("said")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to wait for a pause."""
    monkeypatch.setattr("pipeline.policies.cache_redis.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("pipeline.policies.cache_redis.LONGEST_PAUSE", 0.2)


both_loops = pytest.mark.parametrize(
    "loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
News = list[tuple[bool, str]]


async def made(key: str) -> str:
    """A value that takes no time."""
    return key


@both_loops
def test_cache_keeps_serving_when_redis_is_killed_and_restarted(
    redis_server: RedisServer, loop: Loop, said: Said
) -> None:
    """Killed and restarted, Redis costs nobody an answer; one warning tells, and one line that it is back."""
    news: News = []
    store = RedisStore(redis_server.url, "tts", lambda away, text: news.append((away, text)))

    async def main() -> None:
        cache = Cache[str](CacheSpec(), Clock(asyncio.get_running_loop()).now, len, Shared(store, Texts()))

        async def ask(*keys: str) -> None:
            for key in keys:
                assert await cache.get_or_make(key, lambda key=key: made(key)) == key  # type: ignore[misc]
                await asyncio.sleep(0.002)

        await ask("a", "b")
        redis_server.kill()
        for index in range(1_000):
            if news:
                break
            await ask(str(index))
        await ask("c", "d")
        assert [away for away, _ in news] == [True]
        redis_server.start()
        await until(lambda: len(news) == 2)
        assert [away for away, _ in news] == [True, False]
        await ask("e", "f")
        await until(lambda: not cache_writes(cache))
        cache.shrink(0)
        await ask("e", "f")
        assert cache.statistics.shared_hits == 2
        await cache.close()

    run(store, main(), loop)
    assert [record.levelno for record in said.records] == [logging.WARNING, logging.INFO]
    assert f"redis://127.0.0.1:{redis_server.port}/0 is away" in news[0][1] and "is back after" in news[1][1]


def cache_writes(cache: Cache[str]) -> object:
    """What is on its way to the store."""
    assert cache._shared is not None
    return cache._shared._writes


@both_loops
def test_redis_store_waits_only_once_for_a_frozen_redis(redis_server: RedisServer, loop: Loop) -> None:
    """It holds the connection and says nothing: 50 ms for one call, nothing for those after it."""
    news: News = []
    store = RedisStore(redis_server.url, "tts", lambda away, text: news.append((away, text)))

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        redis_server.freeze()
        waits = []
        for _ in range(20):
            began = time.perf_counter()
            assert await store.get("a") is None
            waits.append(time.perf_counter() - began)
        assert CALL * 0.9 < waits[0] < 10 * CALL and sum(waits[1:]) < 10 * CALL, (
            "19 that waited would take 19 times as long"
        )
        assert "no answer within 50 ms" in news[0][1]
        redis_server.thaw()
        await until(lambda: len(news) == 2)
        await store.put("b", b"2", HOUR)
        found = [await store.get(key) for key in "ab"]
        assert [each and each[0] for each in found] == [b"1", b"2"], "answers came to other questions"

    run(store, main(), loop)


def test_redis_store_replaces_a_stale_connection_without_warning(redis_server: RedisServer) -> None:
    """A Redis that was restarted while nobody asked is no reason for a warning."""
    news: News = []
    store = RedisStore(redis_server.url, "tts", lambda away, text: news.append((away, text)))

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        redis_server.kill()
        redis_server.start()
        await store.put("a", b"2", HOUR)
        assert (await store.get("a") or [None])[0] == b"2"
        assert news == []

    run(store, main())


class FakeClient:
    """A Redis that is there or not, in virtual time."""

    def __init__(self) -> None:
        self.there = False
        self.pings: list[float] = []

    async def ping(self) -> None:
        self.pings.append(asyncio.get_running_loop().time())
        self.answer()

    async def set(self, name: bytes, value: bytes, px: int) -> None:
        self.answer()

    def answer(self) -> None:
        if not self.there:
            raise ConnectionError("nobody is there")

    async def aclose(self) -> None:
        pass


def test_redis_store_reconnects_after_growing_pauses(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    """A thousand processes must not all ask at once, while Redis starts; one that comes and goes is left alone."""
    monkeypatch.undo()
    monkeypatch.setattr("random.uniform", lambda _least, most: most)
    store, client = RedisStore("redis://localhost", "tts"), FakeClient()
    store._client = client  # type: ignore[assignment]

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        await asyncio.sleep(40)
        assert [later - earlier for earlier, later in itertools.pairwise(client.pings)] == pytest.approx(
            [0.5, 1, 2, 4, 8, 10, 10]
        )
        await comes_and_goes(after=10)
        assert await pings_within(9.9) == 0 and await pings_within(0.2) == 1
        await comes_and_goes(after=80)
        assert await pings_within(0.4) == 0 and await pings_within(1.2) == 2
        await store.close()

    async def comes_and_goes(after: float) -> None:
        client.there = True
        await asyncio.sleep(after + 10)
        client.there = False
        await store.put("a", b"1", HOUR)

    async def pings_within(wait: float) -> int:
        client.pings.clear()
        await asyncio.sleep(wait)
        return len(client.pings)

    run_virtual(main())
    assert [record.levelno for record in said.records] == [30, 20, 30, 20, 30]


def test_redis_store_treats_a_full_redis_as_unavailable(redis_server: RedisServer) -> None:
    """It answers, but takes nothing: one warning, not one at every sentence."""
    news: News = []
    store = RedisStore(redis_server.url, "tts", lambda away, text: news.append((away, text)))

    async def main() -> None:
        async with redis.asyncio.Redis.from_url(redis_server.url) as client:
            await client.config_set("maxmemory", "1")
        assert await store.get("a") is None
        await asyncio.sleep(0.5)
        assert await store.get("a") is None
        assert [away for away, _ in news] == [True] and "OutOfMemoryError" in news[0][1]

    run(store, main())


def test_redis_store_finds_a_redis_that_starts_later(redis_server: RedisServer) -> None:
    """The order in which services start must not matter; nobody waits meanwhile."""
    redis_server.kill()
    news: News = []
    store = RedisStore(redis_server.url, "tts", lambda away, text: news.append((away, text)))

    async def main() -> None:
        began = time.perf_counter()
        for _ in range(100):
            await store.put("a", b"1", HOUR)
        assert time.perf_counter() - began < 20 * CALL, "a hundred that waited would take five times as long"
        redis_server.start()
        await until(lambda: len(news) == 2)
        await store.put("a", b"1", HOUR)
        assert await store.get("a") is not None

    run(store, main())
