"""What a cache makes before anybody asks: bounded, one after the other, and never in the way."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio

from pipeline.policies.cache import AHEAD, Cache
from pipeline.policies.cache_memory import ENTRY
from tests.pipeline.policies.cache_kit import SIZE, Maker, run


def test_cache_prefetch_makes_one_value_after_the_other() -> None:
    """At the start it must leave the cores to the first call; one failure must not end it."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        maker.fails.add("b")
        cache.put("d", "there")
        cache.prefetch("abcd", maker.make)
        await asyncio.sleep(3.5)
        assert (maker.made, maker.most, cache.statistics.errors) == (["a", "b", "c"], 1, 1)
        assert [cache.peek(key) for key in "abcd"] == ["a!", None, "c!", "there"]
        cache.prefetch("b", maker.make)
        await asyncio.sleep(0.5)
        assert maker.made[3:] == ["b"]

    run(main)


def test_cache_caller_joins_a_running_prefetch() -> None:
    """It waits for the rest of the time alone; leaving does not end the prefetch."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        cache.prefetch("ab", maker.make)
        await asyncio.sleep(0.5)
        asked = [asyncio.ensure_future(cache.get_or_make("a", maker.of("a"))) for _ in range(2)]
        await asyncio.sleep(0.25)
        asked[0].cancel()
        assert await asked[1] == "a!" and asyncio.get_running_loop().time() == 1.0
        await asyncio.sleep(1.5)
        assert maker.made == ["a", "b"]

    run(main)


def test_cache_prefetched_value_gains_priority_when_a_caller_joins() -> None:
    """A greeting that somebody waited for must not be the first to leave."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        cache.prefetch("a", maker.make)
        await asyncio.sleep(0.5)
        await cache.get_or_make("a", maker.of("a"))
        for index in range(20):
            cache.put(str(index), "x" * (SIZE // 10), "low")
        assert cache.peek("a") == "a!" and cache.statistics.evicted > 0

    run(main)


def test_cache_prefetch_is_bounded() -> None:
    """A list of a million sentences must not wait in memory for a day."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        maker.takes = 0
        cache.prefetch(map(str, range(2 * AHEAD)), maker.make)
        await asyncio.sleep(1)
        assert len(maker.made) == AHEAD

    run(main)


def test_cache_makes_related_entries_after_a_hit_and_a_miss() -> None:
    """After `are you still there?` comes `goodbye`: it is ready when it is needed."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        cache.relate({"a": ("b", "c"), "b": ("d",)}, maker.make)
        await cache.get_or_make("a", maker.of("a"))
        await asyncio.sleep(2.5)
        assert maker.made == ["a", "b", "c"]
        await cache.get_or_make("b", maker.of("b"))
        await asyncio.sleep(1.5)
        assert maker.made == ["a", "b", "c", "d"]

    run(main)


def test_cache_prefetch_is_skipped_when_memory_is_full() -> None:
    """It would be thrown away at once, and made again at the next hit."""

    async def main(cache: Cache[str], maker: Maker) -> None:
        for index in range(10):
            cache.put(str(index), "x" * (SIZE // 10 - 2 * ENTRY))
        cache.put("large", "x" * (SIZE // 10 - 2 * ENTRY))
        cache.prefetch("ab", maker.make)
        cache.prefetch("c", maker.make, "high")
        await asyncio.sleep(3)
        assert maker.made == ["c"]

    run(main)
