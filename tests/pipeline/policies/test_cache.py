"""A cache: made once however many ask, nobody left waiting, exact in time."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.clock import Clock
from pipeline.errors import NetworkError, ResourceError
from pipeline.params import seconds
from pipeline.policies.cache import Cache
from pipeline.policies.cache_memory import ENTRY
from pipeline.policies.spec import CacheSpec
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import settle
from tests.pipeline.policies.cache_kit import SIZE, TTL, FakeStore, Maker, new, run


def test_cache_makes_a_value_once() -> None:
    """The second person who gets the same sentence need not wait for it."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        assert [await cache.get_or_make(key, maker.of(key)) for key in ("a", b"a", "a")] == ["a!", "b'a'!", "a!"]
        assert maker.made == ["a", b"a"]
        assert (cache.statistics.memory_hits, cache.statistics.misses) == (1, 2)
        assert cache.statistics.bytes == 2 + 5 + 2 * (ENTRY + 1)

    run(main)


def test_cache_joins_concurrent_requests_for_one_key() -> None:
    """A hundred calls that begin together must not make the greeting a hundred times."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        assert set(await asyncio.gather(*(cache.get_or_make("a", maker.of("a")) for _ in range(100)))) == {"a!"}
        assert maker.made == ["a"] and cache.statistics.joined == 99

    run(main)


def test_cache_passes_an_error_to_all_callers_and_does_not_keep_it() -> None:
    """Each of them falls back at once; the next one may have more luck."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        maker.fails.add("a")
        asked = (cache.get_or_make("a", maker.of("a")) for _ in range(3))
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in errors] == [NetworkError] * 3
        maker.fails.clear()
        assert await cache.get_or_make("a", maker.of("a")) == "a!"
        assert (maker.made, cache.statistics.errors) == (["a", "a"], 1)

    run(main)


def test_cache_cancelled_caller_does_not_affect_the_others() -> None:
    """Interrupting one call must not silence another."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        first, second = (asyncio.ensure_future(cache.get_or_make("a", maker.of("a"))) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        assert await second == "a!"
        assert asyncio.get_running_loop().time() == 1.0 and first.cancelled() and maker.made == ["a"]

    run(main)


def test_cache_cancels_the_maker_when_the_last_caller_leaves() -> None:
    """Compute for an answer that was interrupted is missing elsewhere; who asks again must not join what ends."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        asked = [asyncio.ensure_future(cache.get_or_make("a", maker.of("a"))) for _ in range(2)]
        await asyncio.sleep(0.5)
        for each in asked:
            each.cancel()
        await settle(1)
        assert await cache.get_or_make("a", maker.of("a")) == "a!"
        assert maker.cancelled == 1 and cache.statistics.errors == 0

    run(main)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.sampled_from("ab")), max_size=12),
    st.integers(0, 15),
    st.booleans(),
)
def test_cache_serves_every_remaining_caller_in_any_schedule(
    askers: list[tuple[int, int, str]], takes: int, fails: bool
) -> None:
    """In no schedule of asking and leaving does anybody hang, get another's value, or have it made twice at a time."""

    async def main() -> None:
        cache, maker = new(), Maker(takes / 10)
        maker.fails.update("a" if fails else "")

        async def ask(start: int, patience: int, key: str) -> None:
            await asyncio.sleep(start / 10)
            began = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(patience / 10):
                    assert await cache.get_or_make(key, maker.of(key)) == f"{key}!"
            except NetworkError:
                assert fails and key == "a"
            except TimeoutError:
                assert takes >= patience
            else:
                assert not (fails and key == "a")
            assert asyncio.get_running_loop().time() - began <= min(takes, patience) / 10 + 1e-6

        await asyncio.gather(*(ask(*each) for each in askers))
        assert not maker.twice and maker.inside == []
        assert cache.statistics.misses == len(maker.made)
        await cache.close()

    run_virtual(main())


@given(st.integers(0, 2 * TTL))
@example(TTL - 1)
@example(TTL)
def test_cache_ttl_is_exact_to_the_nanosecond(after: int) -> None:
    """A stale answer is a wrong one."""

    async def main() -> None:
        clock = Clock(asyncio.get_running_loop())
        cache = Cache[str](CacheSpec(size=SIZE, ttl=TTL), clock.now, len)
        cache.put("a", "old")
        await clock.sleep(after)
        assert cache.peek("a") == ("old" if after < TTL else None)
        assert await cache.get_or_make("a", Maker().of("a")) == ("old" if after < TTL else "a!")
        assert cache.statistics.expired == (after >= TTL)

    run_virtual(main())


def test_cache_uses_values_from_the_shared_store() -> None:
    """After a restart the voice need not say everything anew; what is left of its time counts."""
    store = FakeStore({"a": (b"theirs", seconds(2))})

    async def main(cache: Cache[str], maker: Maker) -> None:
        assert await cache.get_or_make("a", maker.of("a")) == "theirs"
        await asyncio.sleep(1.9)
        assert cache.peek("a") == "theirs"
        await asyncio.sleep(0.1)
        assert cache.peek("a") is None
        assert (cache.statistics.shared_hits, maker.made) == (1, [])
        assert await cache.get_or_make("b", maker.of("b")) == "b!"

    run(main, store)
    assert store.kept["b"] == (b"b!", TTL)


def test_cache_remakes_a_shared_value_it_cannot_unpack() -> None:
    """Another version of the program wrote it: no reason to be silent."""
    store = FakeStore({"a": (b"\xff", TTL)})

    async def main(cache: Cache[str], maker: Maker) -> None:
        assert await cache.get_or_make("a", maker.of("a")) == "a!"
        assert cache.statistics.errors == 1

    run(main, store)
    assert store.kept["a"] == (b"a!", TTL)


def test_cache_keeps_large_values_in_the_shared_store_only() -> None:
    """An hour of reading aloud must not push out every greeting."""
    store = FakeStore()

    async def main(cache: Cache[str], maker: Maker) -> None:
        cache.put("a", "x" * SIZE)
        await asyncio.sleep(0.1)
        assert cache.peek("a") is None
        assert len(await cache.get_or_make("a", maker.of("a"))) == SIZE

    run(main, store)


def test_cache_callers_do_not_wait_for_a_slow_store_write() -> None:
    """Who waits for a sentence hears it as soon as it is made; what is being written at the end gets there."""
    store = FakeStore()

    async def main(cache: Cache[str], maker: Maker) -> None:
        await cache.get_or_make("a", maker.of("a"))
        assert asyncio.get_running_loop().time() == 1.0 and store.kept == {}

    run(main, store)
    assert list(store.kept) == ["a"]


def test_cache_frees_memory_on_request() -> None:
    """Short of memory, the process lets go of this before it refuses calls."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        for index in range(50):
            cache.put(str(index), "x" * 1_000)
        before = cache.statistics.bytes
        freed = cache.shrink(0.25)
        assert cache.statistics.bytes == before - freed <= SIZE / 4
        await asyncio.sleep(10)
        assert cache.clear_expired() == before - freed and cache.statistics.entries == 0

    run(main)


def test_cache_close_ends_waiting_callers() -> None:
    """A server that stops must not hang in a call that waits for a sentence."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        asked = asyncio.ensure_future(cache.get_or_make("a", maker.of("a")))
        cache.prefetch("bc", maker.make)
        await asyncio.sleep(0.5)
        await cache.close()
        with pytest.raises(ResourceError, match="was cancelled"):
            await asked
        assert maker.cancelled == 2 and asyncio.get_running_loop().time() == 0.5

    run(main)
