"""One client for caches and limits, whose real server is killed, frozen, full and restarted: no caller waits for it."""
# ruff: noqa: TID251 - a real server lives in real time

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
import time
from types import SimpleNamespace

import pytest
import redis.asyncio
import uvloop

from pipeline.clock import Clock
from pipeline.errors import DependencyError, UserInputError
from pipeline.policies.cache import Cache
from pipeline.policies.cache_shared import CALL, RedisStore, SharedLevel
from pipeline.policies.redis import RedisClient
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
    monkeypatch.setattr("pipeline.policies.redis.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("pipeline.policies.redis.LONGEST_PAUSE", 0.2)


both_loops = pytest.mark.parametrize(
    "loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


async def made(key: str) -> str:
    """A value that takes no time."""
    return key


@both_loops
def test_cache_keeps_serving_when_redis_is_killed_and_restarted(
    redis_server: RedisServer, loop: Loop, said: Said
) -> None:
    """Killed and restarted, Redis costs nobody an answer; one warning tells, and one line that it is back."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        cache = Cache[str](CacheSpec(), Clock(asyncio.get_running_loop()).now, len, SharedLevel(store, Texts()))

        async def ask(*keys: str) -> None:
            for key in keys:
                assert await cache.get_or_make(key, lambda key=key: made(key)) == key  # type: ignore[misc]
                await asyncio.sleep(0.002)

        await ask("a", "b")
        redis_server.kill()
        for index in range(1_000):
            if said.records:
                break
            await ask(str(index))
        await ask("c", "d")
        assert said.levels == [logging.WARNING]
        redis_server.start()
        await until(lambda: len(said.records) == 2)
        assert said.levels == [logging.WARNING, logging.INFO]
        await ask("e", "f")
        await until(lambda: not cache.statistics.writing)
        cache.shrink(0)
        await ask("e", "f")
        assert cache.statistics.shared_hits == 2
        await cache.close()

    run(client, main(), loop)
    assert said.levels == [logging.WARNING, logging.INFO]
    assert f"redis://127.0.0.1:{redis_server.port}/0 is away" in said.messages[0]
    assert "is back after" in said.messages[1]


@both_loops
def test_redis_client_waits_only_once_for_a_frozen_redis(redis_server: RedisServer, loop: Loop, said: Said) -> None:
    """It holds the connection and says nothing: 50 ms for one call, nothing for those after it."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

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
        assert "no answer within 50 ms" in said.messages[0]
        redis_server.thaw()
        await until(lambda: len(said.records) == 2)
        await store.put("b", b"2", HOUR)
        found = [await store.get(key) for key in "ab"]
        assert [each and each[0] for each in found] == [b"1", b"2"], "answers came to other questions"

    run(client, main(), loop)


def test_redis_client_replaces_a_stale_connection_without_warning(redis_server: RedisServer, said: Said) -> None:
    """A Redis that was restarted while nobody asked is no reason for a warning."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        redis_server.kill()
        redis_server.start()
        await store.put("a", b"2", HOUR)
        assert (await store.get("a") or [None])[0] == b"2"
        assert said.records == []

    run(client, main())


class FakeClient:
    """A Redis that is there or not, in virtual time."""

    connection_pool = SimpleNamespace(connection_kwargs={"host": "localhost"})

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


def test_redis_client_reconnects_after_growing_pauses(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    """A thousand processes must not all ask at once, while Redis starts; one that comes and goes is left alone."""
    monkeypatch.undo()
    monkeypatch.setattr("random.uniform", lambda _least, most: most)
    fake = FakeClient()
    monkeypatch.setattr(redis.asyncio.Redis, "from_url", lambda _url, **_settings: fake)
    client = RedisClient("redis://localhost")
    store = RedisStore(client, "tts")

    async def main() -> None:
        await store.put("a", b"1", HOUR)
        await asyncio.sleep(40)
        assert [later - earlier for earlier, later in itertools.pairwise(fake.pings)] == pytest.approx(
            [0.5, 1, 2, 4, 8, 10, 10]
        )
        await comes_and_goes(after=10)
        assert await pings_within(9.9) == 0 and await pings_within(0.2) == 1
        await comes_and_goes(after=80)
        assert await pings_within(0.4) == 0 and await pings_within(1.2) == 2
        await client.close()

    async def comes_and_goes(after: float) -> None:
        fake.there = True
        await asyncio.sleep(after + 10)
        fake.there = False
        await store.put("a", b"1", HOUR)

    async def pings_within(wait: float) -> int:
        fake.pings.clear()
        await asyncio.sleep(wait)
        return len(fake.pings)

    run_virtual(main())
    assert said.levels == [30, 20, 30, 20, 30]


def test_redis_client_treats_a_full_redis_as_unavailable(redis_server: RedisServer, said: Said) -> None:
    """It answers, but takes nothing: one warning, not one at every sentence."""
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        async with redis.asyncio.Redis.from_url(redis_server.url) as client:
            await client.config_set("maxmemory", "1")
        assert await store.get("a") is None
        await asyncio.sleep(0.5)
        assert await store.get("a") is None
        assert said.levels == [logging.WARNING] and "OutOfMemoryError" in said.messages[0]

    run(client, main())


def test_redis_client_finds_a_redis_that_starts_later(redis_server: RedisServer, said: Said) -> None:
    """The order in which services start must not matter; nobody waits meanwhile."""
    redis_server.kill()
    client = RedisClient(redis_server.url)
    store = RedisStore(client, "tts")

    async def main() -> None:
        began = time.perf_counter()
        for _ in range(100):
            await store.put("a", b"1", HOUR)
        assert time.perf_counter() - began < 20 * CALL, "a hundred that waited would take five times as long"
        redis_server.start()
        await until(lambda: len(said.records) == 2)
        await store.put("a", b"1", HOUR)
        assert await store.get("a") is not None

    run(client, main())


def test_redis_client_does_not_log_the_password(said: Said) -> None:
    """Logs are read by more people than may enter."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = RedisClient(f"redis://me:hunter2@127.0.0.1:{free.getsockname()[1]}/0?client_name=hunter2")
        store = RedisStore(client, "tts")

        async def main() -> None:
            assert await store.get("a") is None

        run(client, main())
    assert ["is away" in each for each in said.messages] == [True]
    assert "hunter2" not in said.messages[0]


def test_redis_client_explains_a_wrong_address() -> None:
    """Found when the graph is read, not when the first call comes."""
    with pytest.raises(UserInputError, match="is not a Redis address") as caught:
        RedisClient("http://me:hunter2@localhost")
    assert "redis://host:6379/0" in caught.value.hint and "hunter2" not in str(caught.value)


def test_redis_client_explains_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is an extra; who asks for it reads how to get it."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(DependencyError) as caught:
        RedisClient("redis://localhost")
    assert "vitagraph[redis]" in caught.value.hint
