"""A limit that several processes share, against a real Redis server."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from redis import Redis

from pipeline.clock import Clock
from pipeline.errors import DependencyError, UserInputError
from pipeline.params import ms, seconds
from pipeline.policies import limit_shared
from pipeline.policies.cache_shared import RedisStore
from pipeline.policies.limit import LimitReached
from pipeline.policies.limit_shared import SharedLimit
from pipeline.policies.redis import RedisClient
from pipeline.policies.spec import LimitSpec
from pipeline.runtime.policy_store import PolicyStore
from tests.pipeline.policies.redis_kit import Said, said, until
from tests.pipeline.policies.redis_server import RedisServer, redis_server
from tests.pipeline.runtime.test_policy_store import limit_of, limited

__all__ = ["redis_server", "said"]

pytestmark = pytest.mark.usefixtures("said")


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a Redis that is there may be slow."""
    monkeypatch.setattr(limit_shared, "ANSWER", 5.0)


Main = Callable[["Bench"], Coroutine[Any, Any, None]]


class Bench:
    """Limits of one name, as of so many processes."""

    def __init__(self, server: RedisServer, count: int, spec: dict[str, Any]) -> None:
        self.server = server
        self.clock = Clock(asyncio.get_running_loop())
        whole = LimitSpec(shared=server.url, **spec)
        self.clients = [RedisClient(server.url) for _ in range(count)]
        self.limits = [SharedLimit(whole, self.clock.now, "asr", client) for client in self.clients]

    async def ask(self, limit: SharedLimit, session: Any = None) -> int:
        """When it was admitted, on the bench's clock; -1: refused."""
        try:
            await limit.acquire(session)
        except LimitReached:
            return -1
        limit.release()
        return self.clock.now()


def run(server: RedisServer, main: Main, count: int = 2, **spec: Any) -> None:
    """Really waits: Redis has no virtual time."""

    async def whole() -> None:
        bench = Bench(server, count, spec)
        try:
            await main(bench)
        finally:
            for client in bench.clients:
                await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


def connections(server: RedisServer) -> int:
    """How many clients the server has, besides the one that asks."""
    with Redis.from_url(server.url) as client:
        return len(client.client_list()) - 1


def test_shared_limit_counts_all_processes_in_one_window(redis_server: RedisServer) -> None:
    """Two processes would send a provider twice what it allows."""

    async def main(bench: Bench) -> None:
        told = await asyncio.gather(*(bench.ask(limit) for _ in range(20) for limit in bench.limits))
        assert sum(at >= 0 for at in told) == 7
        refused = [limit.statistics().refused + limit.statistics().timed_out for limit in bench.limits]
        assert sum(refused) == 33 and all(limit.statistics().active == 0 for limit in bench.limits)
        with pytest.raises(LimitReached) as error:
            await bench.limits[0].acquire()
        assert 28 < (error.value.retry_after or 0) <= 30

    run(redis_server, main, max=7, window=seconds(30), when_full="shed")


def test_shared_limit_waiter_starts_when_the_window_opens(redis_server: RedisServer) -> None:
    """A queue that guessed would wait too long, or ask Redis all the time."""

    async def main(bench: Bench) -> None:
        first, second = bench.limits
        begun = [await bench.ask(limit) for limit in (first, first, first, second)]
        later = await asyncio.gather(*(bench.ask(second, session) for session in ["a", "a", "a", "b"]))
        for before, after in zip(begun, sorted(later), strict=True):
            assert before + ms(800) < after < before + seconds(4)  # the clock is read after the round trip
        assert later[0] < later[1] < later[3] < later[2]  # sessions take turns
        told = second.statistics()
        assert told.waited >= 4 and (told.admitted, told.active, told.waiting) == (5, 0, 0)

    run(redis_server, main, max=4, window=seconds(1), max_wait=seconds(5))


def test_shared_limit_concurrency_is_per_process(redis_server: RedisServer) -> None:
    """What a machine can compute at once has nothing to do with the other machines."""

    async def main(bench: Bench) -> None:
        for limit in bench.limits:
            await limit.acquire()
            with pytest.raises(LimitReached):
                await limit.acquire()
            limit.release()

    run(redis_server, main, concurrent=1, max=100, window=seconds(9), when_full="fallback")


def test_shared_limit_connects_when_the_first_session_begins(redis_server: RedisServer) -> None:
    """The first request of a call would wait for imports and a connection: half a second more for the first answer."""

    async def main(bench: Bench) -> None:
        policies, plan = PolicyStore(), limited(bench.limits[0].spec)
        try:
            for session in range(3):
                limit = limit_of(policies, plan, session)
            assert isinstance(limit, SharedLimit)
            assert not connections(redis_server), "nobody waits for that"
            await until(lambda: connections(redis_server) == 1)
            assert await bench.ask(limit) >= 0 and connections(redis_server) == 1
        finally:
            await policies.close()

    run(redis_server, main, count=1, max=9, window=seconds(9))


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_shared_limit_begins_without_delay_while_redis_is_away(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, said: Said, trouble: str
) -> None:
    """A host would not start, or not stop, because of what it can do without."""
    monkeypatch.setattr(limit_shared, "ANSWER", 0.25)
    getattr(redis_server, trouble)()

    async def main(bench: Bench) -> None:
        (limit,), (client,) = bench.limits, bench.clients
        client.begin()
        began = bench.clock.now()
        assert await bench.ask(limit) >= 0
        assert bench.clock.now() - began < seconds(2)
        await until(lambda: said.records)
        assert len(said.records) == 1, "one warning, when it is found"

    run(redis_server, main, count=1, max=9, window=seconds(9))


def test_shared_limit_close_does_not_wait_for_a_pending_connection(redis_server: RedisServer) -> None:
    """A host that is stopped at once would hang for as long as Redis does."""
    redis_server.freeze()

    async def main(bench: Bench) -> None:
        (client,) = bench.clients
        connecting = client.begin()
        await bench.clock.sleep(ms(700))
        began = bench.clock.now()
        await client.close()
        assert connecting.done() and bench.clock.now() - began < seconds(1)

    run(redis_server, main, count=1, max=9, window=seconds(9))


def test_shared_limit_cancelled_waiter_leaves_no_trace(redis_server: RedisServer) -> None:
    """The next one would wait for an answer that nobody hears."""

    async def main(bench: Bench) -> None:
        limit = bench.limits[0]
        await bench.clients[0].begin()
        assert not limit.try_acquire()
        await bench.ask(limit)
        waits = [asyncio.ensure_future(bench.ask(limit, n)) for n in range(3)]
        await bench.clock.sleep(ms(100))
        waits[0].cancel()  # it waits for the window, the others for their turn
        waits[1].cancel()
        assert (await waits[2]) >= ms(800)
        told = limit.statistics()
        assert (told.admitted, told.cancelled, told.active, told.waiting) == (2, 2, 0, 0)

    run(redis_server, main, max=1, window=seconds(1), max_wait=seconds(5))


def test_shared_limit_survives_redis_going_away_and_coming_back(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    """Without Redis every answer would fail, or wait; and after it came back somebody would have to restart."""
    monkeypatch.setattr("pipeline.policies.redis.FIRST_PAUSE", 0.2)

    async def main(bench: Bench) -> None:
        first, second = bench.limits
        assert await bench.ask(first) >= 0
        redis_server.kill()
        began = bench.clock.now()
        assert [await bench.ask(first) >= 0 for _ in range(5)] == [True, True, False, False, False]  # its own window
        assert bench.clock.now() - began < seconds(1)
        assert said.levels == [logging.WARNING] and "limits count this process alone" in said.messages[0]
        redis_server.start()
        await bench.clock.sleep(ms(2100))
        assert await bench.ask(first) >= 0
        assert said.levels[1:] == [logging.INFO] and "is back after" in said.messages[1]
        assert [await bench.ask(second) >= 0 for _ in range(3)] == [True, True, False]  # they share again
        assert len(said.records) == 2

    run(redis_server, main, max=3, window=seconds(2), when_full="shed")


def test_shared_limit_does_not_wait_for_a_hanging_redis(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    """Every answer would wait for it, though nothing is wrong with the node."""
    monkeypatch.setattr(limit_shared, "ANSWER", 0.25)
    monkeypatch.setattr("pipeline.policies.redis.FIRST_PAUSE", 60.0)

    async def main(bench: Bench) -> None:
        limit = bench.limits[0]
        assert await bench.ask(limit) >= 0
        redis_server.freeze()
        began = bench.clock.now()
        assert 0 <= await bench.ask(limit) - began < seconds(2)
        began = bench.clock.now()
        assert 0 <= await bench.ask(limit) - began < ms(200)
        assert len(said.records) == 1

    run(redis_server, main, max=9, window=seconds(9))


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://localhost:port/0", "redis:///0"])
def test_shared_limit_rejects_an_invalid_address(url: str) -> None:
    """A misspelt address would be a traceback, or worse: a limit that counts nothing."""
    with pytest.raises(UserInputError, match="is not a Redis address"):
        PolicyStore().prepare(limited(LimitSpec(max=1, shared=url)))


def test_shared_limit_explains_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request would fail with an ImportError."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(DependencyError, match="needs the package redis") as error:
        PolicyStore().prepare(limited(LimitSpec(max=1, shared="redis://localhost")))
    assert error.value.hint == "pip install 'vitagraph[redis]'"


def test_shared_limit_and_cache_of_one_address_share_connections(redis_server: RedisServer, said: Said) -> None:
    """Two clients of one address would connect twice, and each would warn that Redis is away."""

    async def main(bench: Bench) -> None:
        (client,), (limit,) = bench.clients, bench.limits
        store = RedisStore(client, "tts")
        assert await bench.ask(limit) >= 0
        await store.put("a", b"1", seconds(9))
        assert await store.get("a") is not None and connections(redis_server) == 1
        redis_server.kill()
        assert await store.get("a") is None and await bench.ask(limit) >= 0
        assert said.levels == [logging.WARNING]
        redis_server.start()
        await until(lambda: len(said.records) == 2)
        await store.put("a", b"2", seconds(9))
        assert await store.get("a") is not None and await bench.ask(limit) >= 0
        assert said.levels == [logging.WARNING, logging.INFO]

    run(redis_server, main, count=1, max=9, window=seconds(9))


def test_shared_limit_window_is_exact_and_follows_the_clock_of_redis(redis_server: RedisServer) -> None:
    """A window in whole seconds of each host's clock would let too many through, or too few."""

    async def main(bench: Bench) -> None:
        begun = [at for _ in range(60) for limit in bench.limits if (at := await tried(bench, limit)) >= 0]
        assert len(begun) >= 6
        # Redis stamps during the round trip, which ends before the bench's clock is read.
        assert all(after - before > ms(300) - ms(20) for before, after in zip(begun, begun[2:], strict=False))

    async def tried(bench: Bench, limit: SharedLimit) -> int:
        await bench.clock.sleep(ms(10))
        return await bench.ask(limit)

    run(redis_server, main, max=2, window=ms(300), when_full="shed")
