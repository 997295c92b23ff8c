"""Memory of a cache: bounded, exact in time, and the least valuable leaves first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from pipeline.policies.cache_memory import ENTRY, LARGEST, MemoryLevel

SIZE = 9 * ENTRY
TTL = 30
NAMES = "abcdefghijklmnopqrst"
KEYS = st.sampled_from(NAMES)
RANKS = st.integers(0, 2)


@dataclass
class ModelEntry:
    """An entry of the model."""

    value: int
    size: int
    expires: int
    rank: int
    used: int


@dataclass
class Model:
    """The same rules, written as slowly and plainly as they can be."""

    now: int = 0
    uses: int = 0
    kept: dict[str, ModelEntry] = field(default_factory=dict)

    def live(self) -> dict[str, int]:
        return {key: each.value for key, each in self.kept.items() if each.expires > self.now}

    def get(self, key: str, rank: int) -> int | None:
        if key not in self.live():
            return None
        each, self.uses = self.kept[key], self.uses + 1
        each.rank, each.used = max(each.rank, rank), self.uses
        return each.value

    def put(self, key: str, value: int, size: int, rank: int) -> None:
        old = self.kept.pop(key, None)
        size += ENTRY + len(key)
        if size <= SIZE // LARGEST:
            self.uses += 1
            rank = max(rank, old.rank if old else 0)
            self.kept[key] = ModelEntry(value, size, self.now + TTL, rank, self.uses)
        self.trim(SIZE)

    def trim(self, size: int) -> None:
        if self.taken() > size:
            self.kept = {key: each for key, each in self.kept.items() if each.expires > self.now}
        while self.taken() > size:
            del self.kept[min(self.kept, key=lambda key: (self.kept[key].rank, self.kept[key].used))]

    def taken(self) -> int:
        return sum(each.size for each in self.kept.values())


class Both:
    """The real one and its model, which must agree after every step."""

    def __init__(self) -> None:
        self.model = Model()
        self.memory: MemoryLevel[int] = MemoryLevel(SIZE, lambda: self.model.now)

    def put(self, key: str, value: int, size: int, rank: int) -> None:
        self.model.put(key, value, size, rank)
        self.memory.put(key, value, size, TTL, rank)

    def get(self, key: str, rank: int) -> None:
        found = self.memory.get(key, rank)
        assert (found.value if found else None) == self.model.get(key, rank)

    def wait(self, ns: int) -> None:
        self.model.now += ns

    def clear(self) -> None:
        before = self.memory.bytes
        self.model.kept = {key: each for key, each in self.model.kept.items() if each.expires > self.model.now}
        assert self.memory.clear_expired() == before - self.memory.bytes
        assert self.memory.bytes == self.model.taken()

    def shrink(self, share: float) -> None:
        self.clear()
        before = self.memory.bytes
        self.model.trim(int(SIZE * share))
        assert self.memory.shrink(share) == before - self.memory.bytes

    def agree(self) -> None:
        entries = {key: self.memory.peek(key) for key in NAMES}
        assert {key: each.value for key, each in entries.items() if each} == self.model.live()
        assert sum(each.size for each in entries.values() if each) <= self.memory.bytes <= SIZE


Step = Callable[[Both], None]

PUT: st.SearchStrategy[Step] = st.builds(
    lambda key, value, size, rank: lambda both: both.put(key, value, size, rank),
    KEYS,
    st.integers(),
    st.integers(0, ENTRY // 7),  # the largest of them are too large
    RANKS,
)
GET: st.SearchStrategy[Step] = st.builds(lambda key, rank: lambda both: both.get(key, rank), KEYS, RANKS)
WAIT: st.SearchStrategy[Step] = st.builds(lambda ns: lambda both: both.wait(ns), st.integers(0, 3))
SHRINK: st.SearchStrategy[Step] = st.builds(lambda share: lambda both: both.shrink(share), st.floats(0, 1))
CLEAR: st.SearchStrategy[Step] = st.just(lambda both: both.clear())
STEPS = st.one_of(PUT, PUT, PUT, GET, GET, GET, WAIT, SHRINK, CLEAR)


@given(st.lists(PUT, max_size=20), st.lists(STEPS, max_size=60))
def test_cache_memory_matches_its_model(filling: list[Step], steps: list[Step]) -> None:
    """Over its size the process runs out of memory; what it loses too early is made again, and heard late."""
    both = Both()
    for step in filling + steps:
        step(both)
        both.agree()


def filled(*ranks: int) -> MemoryLevel[int]:
    """A full memory: one entry of each of these ranks, all of the same size."""
    memory: MemoryLevel[int] = MemoryLevel(len(ranks) * (ENTRY + 1), lambda: 0)
    for index, rank in enumerate(ranks):
        memory.put("abcdefghijklmnop"[index], index, 0, TTL, rank)
    return memory


def test_cache_memory_evicts_prefetched_values_first() -> None:
    """Guesses must not push out what people really ask for."""
    memory = filled(1, 0, 1, 0, 2, 1, 1, 1)
    for key in "xyz":
        memory.put(key, 0, 0, TTL, 1)
    assert [key for key in "abcdefghxyz" if key in memory] == list("cefghxyz")
    assert (memory.evicted, len(memory)) == (3, 8)


def test_cache_memory_evicts_the_least_recently_used_value() -> None:
    """A greeting that every call begins with must stay, however old it is."""
    memory = filled(1, 1, 1, 1, 1, 1, 1, 1)
    assert memory.get("a", 1) is not None
    memory.peek("b")
    memory.put("x", 0, 0, TTL, 1)
    assert "a" in memory and "b" not in memory


def test_cache_memory_has_no_room_for_prefetch_among_used_values() -> None:
    """It would be made for nothing, over and over."""
    memory = filled(1, 1, 1, 1, 1, 1, 1, 1)
    assert not memory.room_ahead
    memory.put("x", 0, 0, TTL, 0)
    assert "x" not in memory and len(memory) == 8


def test_cache_memory_prefetched_value_gains_priority_when_read() -> None:
    """A prefetched greeting that everybody hears must stay."""
    memory = filled(0, 0, 0, 0, 0, 0, 0, 0)
    assert memory.room_ahead
    assert memory.get("a", 1) is not None
    for key in "stuvwxy":
        memory.put(key, 0, 0, TTL, 0)
    assert "a" in memory and len(memory) == 8


def test_cache_memory_value_put_again_keeps_its_priority() -> None:
    """A greeting that is made anew in the background must not become a guess."""
    memory = filled(1, 1, 1, 1, 1, 1, 1, 1)
    memory.put("a", 9, 0, TTL, 0)
    memory.put("x", 0, 0, TTL, 1)
    assert "a" in memory and "b" not in memory


def test_cache_memory_drops_the_old_value_when_the_new_one_is_too_large() -> None:
    """Else the old answer would be given for ever."""
    memory: MemoryLevel[int] = MemoryLevel(SIZE, lambda: 0)
    memory.put("a", 1, 0, TTL, 1)
    memory.put("a", 2, SIZE, TTL, 1)
    assert memory.get("a", 1) is None and memory.bytes == 0


def test_cache_memory_evicts_expired_values_before_valid_ones() -> None:
    """Of high priority, it would keep its room until somebody asked for it."""
    time = 0
    memory: MemoryLevel[int] = MemoryLevel(8 * (ENTRY + 1), lambda: time)
    memory.put("a", 0, 0, TTL, 2)
    time = TTL
    for key in "bcdefghi":
        memory.put(key, 0, 0, TTL, 0)
    assert (memory.evicted, memory.expired, len(memory)) == (0, 1, 8)
