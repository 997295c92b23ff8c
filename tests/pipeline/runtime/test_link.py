"""Queued links: their four policies against a plain model, and that every waiter is woken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cause import Cause, Causes
from pipeline.packet import Full, Packet, Queue
from pipeline.params import ms
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import Item, Lasting, Loose, bounds, numbers, of, settle

POLICIES: list[Full] = ["block", "drop_oldest", "drop_newest", "latest"]
LEAKY: list[Full] = ["drop_oldest", "drop_newest", "latest"]

Step = tuple[str, int, int, int]
"""push, take or revoke; which kind; which cause; how many times 10 ms."""
steps = st.lists(
    st.tuples(st.sampled_from(["push", "push", "push", "take", "revoke"]), *[st.integers(0, 2)] * 2, st.integers(0, 4)),
    max_size=60,
)
queues = st.builds(
    Queue, time=st.integers(1, 8).map(lambda n: ms(10 * n)), count=st.integers(1, 4), full=st.sampled_from(POLICIES)
)


@dataclass
class Model:
    """What a link should do, in the plainest words."""

    queue: Queue
    waiting: list[Packet] = field(default_factory=list)
    dropped: list[Packet] = field(default_factory=list)
    stale: int = 0

    def push(self, packet: Packet) -> None:
        if self.queue.full == "latest":
            self._replace(packet)
        if packet.is_stale:
            self.stale += 1
            return
        if self.queue.full == "drop_oldest":
            for old in [old for old in self.waiting if old.droppable]:
                if self._full_with(packet):
                    self._drop(old)
        if self.queue.full == "drop_newest" and self._full_with(packet) and packet.droppable:
            self.dropped.append(packet)
        else:
            self.waiting.append(packet)

    def _replace(self, packet: Packet) -> None:
        for old in self.waiting:
            if type(old) is type(packet) and old.at.cause is packet.at.cause:
                self._drop(old)
                break

    def _drop(self, packet: Packet) -> None:
        self.waiting.remove(packet)
        self.dropped.append(packet)

    def _full_with(self, packet: Packet) -> bool:
        over = len(self.waiting) >= self.queue.count or self.level + packet.at.duration > self.queue.time
        return bool(self.waiting) and over

    @property
    def level(self) -> int:
        return sum(packet.at.duration for packet in self.waiting)

    @property
    def full(self) -> bool:
        return bool(self.waiting) and (len(self.waiting) >= self.queue.count or self.level >= self.queue.time)

    def take(self) -> Packet | None:
        return self.waiting.pop(0) if self.waiting else None

    def flush(self) -> None:
        kept = [packet for packet in self.waiting if not packet.is_stale]
        self.stale += len(self.waiting) - len(kept)
        self.waiting = kept


def some_causes(causes: Causes) -> list[Cause]:
    """The root, a committed one, a guess."""
    committed = causes.begin("committed")
    causes.commit(committed)
    return [causes.root, committed, causes.begin("guess")]


@given(queues, steps)
def test_link_matches_its_model(queue: Queue, steps: list[Step]) -> None:
    """Else a person hears what was called off, misses words, or hears them in a wrong order."""
    link, model = make_link("a -> b", queue), Model(queue)
    causes = Causes()
    begun = some_causes(causes)
    pushed = taken = 0
    for number, (do, kind, which, tens) in enumerate(steps):
        if do == "push":
            packet = of(begun[which], number, (Item, Loose, Lasting)[kind], ms(10 * tens))
            link.push(packet)
            model.push(packet)
            pushed += 1
        elif do == "take":
            packet_taken = link.take()
            assert packet_taken is model.take()
            taken += packet_taken is not None
        elif which:
            causes.revoke(begun[which], "a")
            link.flush()
            model.flush()
        assert list(link.items) == model.waiting
        assert link.level == model.level
        seen = link.statistics()
        assert (seen.passed, seen.dropped, seen.stale) == (taken, len(model.dropped), model.stale)
        assert pushed == seen.passed + seen.dropped + seen.stale + seen.depth
        if link.blocks:
            assert link.full == model.full
    assert all(packet.droppable for packet in model.dropped) or queue.full == "latest"


@given(queues, steps)
def test_link_keeps_droppable_packets_within_its_bounds(queue: Queue, steps: list[Step]) -> None:
    """Else a slow consumer fills the memory, and what is heard is late."""
    link = make_link("a -> b", queue)
    cause = Causes().root
    for number, (do, _, _, tens) in enumerate(steps):
        if do == "take":
            link.take()
        elif not (link.blocks and link.full):
            link.push(of(cause, number, Loose, ms(10 * tens)))
        assert len(link.items) <= queue.count
        alone = len(link.items) == 1
        assert alone or link.level <= queue.time or link.blocks
        assert link.statistics().peak <= queue.count


@pytest.mark.parametrize("full", LEAKY)
def test_link_never_drops_marks_between_droppable_packets(full: Full) -> None:
    """A lost end of speech leaves the session deaf."""
    link = make_link("a -> b", bounds(2, full))
    causes = Causes()
    for number in range(20):
        link.push(of(causes.root, number, Loose))
        if number % 5 == 0:
            link.push(of(causes.begin("another"), number, Item))
    kept = [packet.number for packet in link.items if type(packet) is Item]
    assert kept == [0, 5, 10, 15]
    assert link.over > 0


def test_link_with_latest_keeps_one_packet_per_kind_and_cause() -> None:
    """A new snapshot of this turn does not push out the one of another turn."""
    link, causes = make_link("a -> b", bounds(8, "latest")), Causes()
    first, second = causes.begin("first"), causes.begin("second")
    for packet in (of(first, 1), of(second, 2), of(first, 3), of(first, 4, Loose)):
        link.push(packet)
    assert numbers(link.items) == [2, 3, 4]


def test_link_that_is_empty_takes_a_packet_of_any_size() -> None:
    """Else a long sentence could never be spoken."""
    link = make_link("a -> b", Queue(time=ms(10), count=4))
    assert not link.full
    link.push(of(Causes().root, 0, duration=ms(500)))
    assert link.full
    assert link.take() is not None
    assert not link.full


def test_link_with_count_one_is_full_with_one_packet() -> None:
    """The smallest bound is a bound."""
    link = make_link("a -> b", bounds(1))
    link.push(of(Causes().root))
    assert link.full


def test_link_refuses_packets_of_a_revoked_cause() -> None:
    """A producer that has not noticed yet cannot fill the queue with what nobody may hear."""
    link, causes = make_link("a -> b", bounds(4)), Causes()
    cause = causes.begin("guess")
    causes.revoke(cause, "a")
    link.push(of(cause))
    assert (len(link.items), link.stale) == (0, 1)


def test_link_flush_keeps_committed_survivors_and_other_causes() -> None:
    """Only what was called off goes."""
    link, causes = make_link("a -> b", bounds(9)), Causes()
    committed, guess = causes.begin("committed"), causes.begin("guess")
    causes.commit(committed)
    for packet in (of(committed, 1), of(committed, 2, Lasting), of(guess, 3, Lasting), of(causes.root, 4)):
        link.push(packet)
    for cause in (committed, guess):
        causes.revoke(cause, "a")
        link.flush()
    assert numbers(link.items) == [2, 4]
    assert link.level == 2 * ms(20)


def test_link_statistics_show_the_age_of_the_oldest_packet() -> None:
    """Metrics show a queue that is stuck."""
    now = [0]
    link = make_link("a -> b", bounds(4), lambda: now[0])
    assert link.statistics().age == 0
    now[0] = ms(5)
    link.push(of(Causes().root))
    now[0] = ms(30)
    link.push(of(Causes().root))
    seen = link.statistics()
    assert (seen.age, seen.depth, seen.peak, seen.level, seen.name) == (ms(25), 2, 2, ms(40), "a -> b")
    assert "2/4" in repr(link)


def test_link_peak_counts_a_lone_packet() -> None:
    """A link that has carried anything has had at least one in it."""
    link = make_link("a -> b", bounds(4))
    assert link.statistics().peak == 0
    link.push(of(Causes().root))
    link.take()
    assert link.statistics().peak == 1


Schedule = list[tuple[str, int]]


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(["wait", "push", "take", "cancel", "flush"]), st.integers(0, 9)), max_size=50),
)
def test_link_wakes_every_waiter_in_any_schedule(count: int, schedule: Schedule) -> None:
    """A producer that is forgotten is a conversation that stops."""

    async def main() -> None:
        link, causes = Link("a -> b", bounds(count)), Causes()
        guess = causes.begin("guess")
        waiters: list[asyncio.Task[None]] = []
        for what, which in schedule:
            if what == "wait":
                waiters.append(asyncio.ensure_future(link.wait_room()))
            elif what == "push" and not link.full:
                link.push(of(guess if which % 2 and guess.live else causes.root, which))
            elif what == "take":
                link.take()
            elif what == "cancel" and waiters:
                waiters.pop(which % len(waiters)).cancel()
            elif what == "flush":
                causes.revoke(guess, "a")
                link.flush()
                guess = causes.begin("guess")
            await settle(4)
            pending = [waiter for waiter in waiters if not waiter.done()]
            assert bool(pending) <= link.full
            assert link.statistics().blocked == len(pending)
        while link.take() is not None:
            pass
        await asyncio.gather(*waiters)

    run_virtual(main())


def test_link_wakes_all_waiters_together_despite_a_cancelled_one() -> None:
    """Waking one alone deadlocks: it may go on to wait elsewhere."""

    async def main() -> None:
        link, root = Link("a -> b", bounds(1)), Causes().root
        link.push(of(root))
        waiters = [asyncio.ensure_future(link.wait_room()) for _ in range(3)]
        await settle()
        waiters[0].cancel()
        link.take()
        link.push(of(root))  # full again before any of them has looked
        link.take()
        await settle()
        assert [waiter.done() for waiter in waiters] == [True, True, True]

    run_virtual(main())


def test_link_loses_no_packet_when_its_consumer_is_cancelled() -> None:
    """What travels never lies in a Future."""

    async def main() -> None:
        link, root = Link("a -> b", bounds(4)), Causes().root
        link.getter = asyncio.get_running_loop().create_future()
        link.getter.cancel()
        link.push(of(root, 1))
        assert link.getter is None
        taken = link.take()
        assert isinstance(taken, Item)
        assert taken.number == 1

    run_virtual(main())
