"""The store in Redis, with a real server: what it keeps, for how long, and for whom."""
# ruff: noqa: TID251 - a real server lives in real time

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio  # so that it is not imported while a test watches for what blocks

from pipeline.params import ms, seconds
from pipeline.policies.cache_shared import RedisStore
from pipeline.policies.redis import RedisClient
from tests.pipeline.policies.redis_kit import HOUR, run, said
from tests.pipeline.policies.redis_server import RedisServer, redis_server

__all__ = ["redis_server", "said"]

pytestmark = pytest.mark.usefixtures("said")


def test_redis_store_shares_bytes_between_stores(redis_server: RedisServer) -> None:
    """Two processes share what they made; texts and bytes as keys do not meet."""
    client, others = RedisClient(redis_server.url), RedisClient(redis_server.url)
    store, other = RedisStore(client, "tts"), RedisStore(others, "tts")

    async def main() -> None:
        assert await store.get("a") is None
        await store.put("a", b"\x00\xff", HOUR)
        await store.put(b"a", b"other", HOUR)
        found = await other.get("a")
        assert found is not None and found[0] == b"\x00\xff"
        assert HOUR - seconds(5) < found[1] <= HOUR
        assert store.errors == other.errors == 0
        await others.close()

    run(client, main())


def test_redis_store_separates_caches_of_different_names(redis_server: RedisServer) -> None:
    """Two voices that say the same text must not get each other's sound."""
    client = RedisClient(redis_server.url)
    store, other = RedisStore(client, "tts"), RedisStore(client, "other")

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        assert await other.get("a") is None

    run(client, main())


def test_redis_store_values_expire(redis_server: RedisServer) -> None:
    """A stale answer is a wrong one, and what nobody removes fills the redis_server."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        await store.put("a", b"1", ms(200))
        await store.put("b", b"1", 1)  # less than Redis can count
        found = await store.get("a")
        assert found is not None and 0 < found[1] <= ms(200)
        await asyncio.sleep(0.21)
        assert await store.get("a") is None and await store.get("b") is None

    run(client, main())


def test_redis_store_keys_do_not_contain_the_text(redis_server: RedisServer) -> None:
    """What people were told is nobody's business who lists keys."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        await store.put("my secret", b"1", HOUR)
        async with redis.asyncio.Redis.from_url(redis_server.url) as other:
            keys = [str(key) for key in await other.keys() if key != b"vitagraph:probe"]
        assert len(keys) == 1 and all("vitagraph:cache:tts:" in key and "secret" not in key for key in keys)

    run(client, main())


def test_redis_store_does_not_queue_calls_beyond_its_connections(redis_server: RedisServer) -> None:
    """A burst must not wait in a line for Redis; those it has no time for are made."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        found = await asyncio.gather(*(store.get("a") for _ in range(200)))
        assert 1 <= sum(each is not None for each in found) <= 16
        assert store.errors == 0 and await store.get("a") is not None

    run(client, main())


def test_redis_store_cancelled_caller_does_not_corrupt_a_connection(redis_server: RedisServer) -> None:
    """The answer to their question must not go to who asks next."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        for key in "ab":
            await store.put(key, key.encode() * 100_000, HOUR)
        for turn in range(100):
            left = asyncio.ensure_future(store.get("a"))
            for _ in range(turn % 10):
                await asyncio.sleep(0)
            left.cancel()
            found = await store.get("b")
            assert found is not None and found[0][:1] == b"b"
        await asyncio.sleep(0)

    run(client, main())
