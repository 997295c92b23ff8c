"""Never silent: whatever a member does, a packet that is owed an answer gets one, once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.errors import NetworkError, NodeError, UserInputError
from pipeline.events import NodeFailed, NodeRecovered, NodeRetries
from pipeline.graph.graph import Member
from pipeline.node import Service
from pipeline.packet import Packet, Stamp
from pipeline.params import NoParams, ms, seconds
from pipeline.policies.spec import BreakerSpec, CacheSpec, DeadlineSpec, LimitSpec, RetrySpec
from pipeline.port import Input, Output
from pipeline.runtime.session import Session
from tests.pipeline.kit import HERE, Item, Tap, items, planned, queue, run, sink

SORRY = -1


class Answers(Service[NoParams]):
    """The base of the members here: every item is owed an answer."""

    into = Input(Item)
    out = Output(Item)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same."""
        yield item

    def requires_output(self, packet: Packet) -> bool:
        """Everything."""
        return True

    def counts_as_output(self, output: Packet) -> bool:
        """All but zero."""
        return isinstance(output, Item) and output.number != 0

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet]:
        """A sign that nobody could."""
        return (Item(packet.at, SORRY),)


def answers(body: Callable[[Any, Item], AsyncIterator[Item]]) -> type[Answers]:
    """A member that answers like this."""

    class Made(Answers):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            async for output in body(self, item):
                yield output

    return Made


async def hundredfold(self: Any, item: Item) -> AsyncIterator[Item]:
    """What the spare makes."""
    yield Item(item.at, item.number * 100)


class Resumes(Answers):
    """Goes on where another stopped."""

    async def resume(self, packet: Packet, made: Sequence[Packet]) -> AsyncIterator[Packet]:
        """Counts on."""
        for number in range(len(made) + 1, 5):
            yield Item(packet.at, number)


def service_member(
    node: type[Answers],
    use: str,
    deadline: DeadlineSpec = DeadlineSpec(),  # noqa: B008 - frozen
    retry: RetrySpec = RetrySpec(attempts=0),  # noqa: B008
    breaker: BreakerSpec = BreakerSpec(failures=1000),  # noqa: B008
) -> Member:
    return Member(use, node, NoParams(), HERE, deadline, retry, breaker)


@dataclass
class Seen:
    """What came out, when, and what was told."""

    out: list[tuple[int, int]] = field(default_factory=list)
    """(milliseconds, number)"""
    failed: list[NodeFailed] = field(default_factory=list)
    retries: list[NodeRetries] = field(default_factory=list)
    recovered: list[NodeRecovered] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.out]

    @property
    def answered_by(self) -> list[str]:
        return [failure.answered_by for failure in self.failed]


def ask(
    *members: Member,
    numbers: Sequence[int] = (1,),
    every: int = 0,
    limit: LimitSpec | None = None,
    cache: CacheSpec | None = None,
    start_within: int | None = None,
) -> Seen:
    """Asks for some numbers, `every` nanoseconds one."""
    tap, seen, heard = Tap(), Seen(), list[Item]()
    plan = planned({"tap": tap.node(), "node": members, "end": sink(heard)}, "tap -> node -> end")
    node = dataclasses.replace(plan.nodes["node"], limit=limit, cache=cache)
    plan = dataclasses.replace(plan, nodes={**plan.nodes, "node": node})

    def observe(node: str, packet: Packet) -> None:
        if node == "node" and isinstance(packet, Item):
            seen.out.append((session_of[0].clock.now() // ms(1), packet.number))

    session_of: list[Session] = []

    def prepare(session: Session) -> None:
        session_of.append(session)
        session.bus.of(NodeFailed).subscribe(seen.failed.append)
        session.bus.of(NodeRetries).subscribe(seen.retries.append)
        session.bus.of(NodeRecovered).subscribe(seen.recovered.append)

    async def drive(session: Session) -> None:
        for number in numbers:
            tap.put(*items([number]))
            await session.clock.sleep(every)
        await session.clock.sleep(seconds(60))
        tap.shut()

    run(plan, drive, observe, prepare, start_within=start_within)
    return seen


def raising(error: Exception, *, until: int = 1_000, after: Sequence[int] = ()) -> type[Answers]:
    """A member that gives some numbers and fails, for the first `until` items."""
    asked = [0]

    async def body(self: Any, item: Item) -> AsyncIterator[Item]:
        asked[0] += 1
        if asked[0] > until:
            yield item
            return
        for number in after:
            yield Item(item.at, number)
        raise error

    return answers(body)


async def nothing(self: Any, item: Item) -> AsyncIterator[Item]:
    """Ends without an output."""
    return
    yield item


async def hangs(self: Any, item: Item) -> AsyncIterator[Item]:
    """Waits for what will never be."""
    await asyncio.get_running_loop().create_future()
    yield item


async def useless(self: Any, item: Item) -> AsyncIterator[Item]:
    """Gives what nobody can use."""
    yield Item(item.at, 0)


SPARE = service_member(answers(hundredfold), "spare")


@pytest.mark.parametrize("body", [nothing, useless])
def test_member_without_usable_output_fails_over(body: Any) -> None:
    """An empty answer is silence to the person who waits for it."""
    seen = ask(service_member(answers(body), "first"), SPARE)
    assert seen.numbers[-1] == 100 and seen.answered_by == ["spare"]
    assert "produced no usable output" in seen.failed[0].message


def test_member_that_hangs_fails_over_at_its_deadline() -> None:
    """And the answer comes from the next, at that very moment."""
    seen = ask(service_member(answers(hangs), "first", DeadlineSpec(first=ms(800))), SPARE)
    assert seen.out == [(800, 100)]
    assert "no output within 800ms" in seen.failed[0].message


def test_member_that_stalls_is_continued_by_the_fallback() -> None:
    """What was said is not said again."""

    async def stalls(self: Any, item: Item) -> AsyncIterator[Item]:
        yield Item(item.at, 1)
        yield Item(item.at, 2)
        await asyncio.get_running_loop().create_future()

    seen = ask(service_member(answers(stalls), "first", DeadlineSpec(stall=ms(300))), service_member(Resumes, "second"))
    assert seen.out == [(0, 1), (0, 2), (300, 3), (300, 4)]
    assert seen.answered_by == ["second"]


def test_member_that_never_ends_is_stopped_at_the_total_deadline() -> None:
    """However steadily it gives."""

    async def babbles(self: Any, item: Item) -> AsyncIterator[Item]:
        while True:
            await self.clock.sleep(ms(100))
            yield Item(item.at, 1)

    seen = ask(service_member(answers(babbles), "first", DeadlineSpec(total=ms(450))))
    assert seen.numbers == [1, 1, 1, 1, SORRY]


def test_member_that_swallows_cancellation_is_abandoned() -> None:
    """A library that does not stop keeps nobody waiting for more than its patience."""

    async def deaf(self: Any, item: Item) -> AsyncIterator[Item]:
        until = self.clock.now() + seconds(5)
        while self.clock.now() < until:
            try:
                await self.clock.sleep_until(until)
            except asyncio.CancelledError:
                continue
        yield item  # too late: nobody hears it

    seen = ask(service_member(answers(deaf), "first", DeadlineSpec(first=ms(500))), SPARE)
    assert seen.out == [(1000, 100)]


def test_fallback_chain_that_is_exhausted_gives_the_last_resort() -> None:
    """Dead air is the one thing that must not be."""
    seen = ask(service_member(raising(OSError("a")), "first"), service_member(raising(OSError("b")), "second"))
    assert seen.numbers == [SORRY] and seen.answered_by == ["second", ""]


def test_partial_answer_without_continuation_ends_with_the_last_resort() -> None:
    """Half an answer that just stops is no answer."""
    seen = ask(service_member(raising(OSError("a"), after=[1, 2]), "first"), SPARE)
    assert seen.numbers == [1, 2, SORRY] and seen.answered_by == [""]


def test_retry_applies_to_network_errors_and_not_to_input_errors() -> None:
    """By the class of the error: a second attempt at a bad question is only a longer wait."""
    once = RetrySpec(attempts=2, first=ms(200))
    seen = ask(service_member(raising(NetworkError("away"), until=1), "first", retry=once), SPARE)
    assert seen.numbers == [1] and len(seen.retries) == 1 and seen.failed == []
    assert 0 < seen.retries[0].pause <= ms(200) and seen.out[0][0] == seen.retries[0].pause // ms(1)
    seen = ask(service_member(raising(UserInputError("bad"), until=1), "first", retry=once), SPARE)
    assert seen.numbers == [100] and seen.retries == []


def test_breaker_skips_an_unhealthy_member_until_it_recovers() -> None:
    """The first two wait for its deadline; the next do not; when it is well it serves again."""
    attempts = list[int]()

    async def sick(self: Any, item: Item) -> AsyncIterator[Item]:
        attempts.append(self.clock.now() // seconds(1))
        if self.clock.now() < seconds(12):
            await asyncio.get_running_loop().create_future()
        yield item

    first = service_member(
        answers(sick), "first", DeadlineSpec(first=ms(500)), breaker=BreakerSpec(failures=2, rest=seconds(5))
    )
    seen = ask(first, SPARE, numbers=range(1, 31), every=seconds(1))
    assert len(seen.out) == 30, "every one is answered"
    assert len([second for second in attempts if second < 12]) <= 4
    assert seen.numbers[:10] == [100 * number for number in range(1, 11)]
    assert seen.numbers[-10:] == [*range(21, 31)], "and back to the first by itself"
    assert [event.member for event in seen.recovered] == ["first"]


def test_breaker_open_on_the_only_member_is_bypassed() -> None:
    """Where there is nobody else, not trying would be sure silence."""
    alone = service_member(raising(OSError("a"), until=3), "only", breaker=BreakerSpec(failures=1, rest=seconds(100)))
    assert ask(alone, numbers=[1, 2, 3, 4], every=ms(10)).numbers == [SORRY, SORRY, SORRY, 4]


def test_limit_when_full_falls_back_queues_or_sheds() -> None:
    """`fallback` at once, `queue` after its wait, `shed` not at all: then it says so."""
    members = (service_member(Answers, "first"), SPARE)
    limit = LimitSpec(max=2, window=seconds(10), when_full="fallback")
    assert ask(*members, numbers=[1, 2, 3], limit=limit).numbers == [1, 2, 300]
    queue = limit.model_copy(update={"when_full": "queue", "max_wait": seconds(20)})
    seen = ask(*members, numbers=[1, 2, 3], limit=queue)
    assert seen.out == [(0, 1), (0, 2), (10_000, 3)] and seen.failed == []
    shed = limit.model_copy(update={"when_full": "shed"})
    seen = ask(*members, numbers=[1, 2, 3], limit=shed)
    assert seen.numbers == [1, 2, SORRY] and "limit is reached" in seen.failed[0].message


def test_deadline_excludes_time_blocked_by_a_slow_sink() -> None:
    """A long answer that is spoken slowly must not be cut off by a deadline for stalls."""
    tap, heard, failed = Tap(), list[Item](), list[NodeFailed]()

    async def long(self: Any, item: Item) -> AsyncIterator[Item]:
        for number in range(1, 11):
            yield Item(item.at, number)

    member = service_member(answers(long), "first", DeadlineSpec(first=ms(500), stall=ms(500), total=seconds(2)))
    nodes: Any = {"tap": tap.node(), "node": member, "end": sink(heard, takes=seconds(1))}
    plan = planned(nodes, "tap -> node", ("node -> end", queue(1)))

    async def drive(session: Session) -> None:
        tap.put(*items([1]))
        await session.clock.sleep(seconds(30))
        tap.shut()

    run(plan, drive, prepare=lambda session: session.bus.of(NodeFailed).subscribe(failed.append))
    assert [item.number for item in heard] == [*range(1, 11)] and failed == []


def test_member_that_could_not_be_opened_joins_later() -> None:
    """The call begins with the stand-in, and goes on with the real thing once it is there."""
    opened = list[int]()

    class Late(Answers):
        async def open(self) -> None:
            opened.append(1)
            if len(opened) < 3:
                raise NodeError("still loading")

    seen = ask(service_member(Late, "first"), SPARE, numbers=range(1, 41), every=seconds(1))
    assert seen.numbers[:20] == [100 * number for number in range(1, 21)]
    assert seen.numbers[21:] == [*range(22, 41)]
    assert len(opened) == 3 and [event.member for event in seen.recovered] == ["first"]


def test_cache_answers_repeated_and_prefetched_packets() -> None:
    """The same sentence costs a voice once, whoever says it; what is made ahead costs nobody a wait."""
    worked = list[int]()

    class Slow(Answers):
        into = Input(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            worked.append(item.number)
            await self.clock.sleep(ms(400))
            yield Item(item.at, item.number)

        def cache_key(self, packet: Packet) -> str | None:
            return str(packet.number) if isinstance(packet, Item) and packet.number < 100 else None

        def prefetch_packet(self, text: str) -> Packet | None:
            return Item(Stamp(self.clock.now(), 0, self.causes.root), int(text))

    cache = CacheSpec(prefetch=("7",), related={"1": ("2",)})
    seen = ask(service_member(Slow, "first"), numbers=[7, 1, 2, 1, 100, 100], every=seconds(2), cache=cache)
    assert seen.out == [(400, 7), (2400, 1), (4000, 2), (6000, 1), (8400, 100), (10_400, 100)]
    assert worked == [7, 1, 2, 100, 100]


def test_cache_is_prefetched_by_the_primary_and_never_by_a_fallback() -> None:
    """While the own voice loads, another one would say the apologies, and go on doing so for an hour."""

    class First(Answers):
        async def open(self) -> None:
            await asyncio.sleep(8)  # noqa: TID251 - the session's clock begins after this

        def cache_key(self, packet: Packet) -> str | None:
            return str(packet.number) if isinstance(packet, Item) else None

        def prefetch_packet(self, text: str) -> Packet | None:
            return Item(Stamp(self.clock.now(), 0, self.causes.root), int(text))

    class Spare(First):
        into = Input(Item)

        async def open(self) -> None:
            pass

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Item]:
            yield Item(item.at, item.number * 100)

    seen = ask(
        service_member(First, "first"),
        service_member(Spare, "spare"),
        numbers=[1, 2, 3, 7],
        every=seconds(4),
        cache=CacheSpec(prefetch=("7",)),
        start_within=seconds(2),
    )
    assert [number for _, number in seen.out] == [100, 2, 3, 7]


def test_retry_with_a_long_pause_is_skipped_when_a_fallback_can_answer() -> None:
    """`Try again in three seconds` is dead air; alone, a member waits."""

    def busy() -> Member:
        return service_member(
            raising(NetworkError("full", retry_after=3.0), until=1), "first", retry=RetrySpec(attempts=1)
        )

    assert ask(busy(), SPARE).out == [(0, 100)]
    (out,) = ask(busy()).out
    assert out[1] == 1 and 3000 <= out[0] <= 5000


def test_unusable_output_of_a_failed_attempt_is_held_back() -> None:
    """Else an empty answer would end, and then the real one end again."""

    async def blank(self: Any, item: Item) -> AsyncIterator[Item]:
        yield Item(item.at, 0)
        yield Item(item.at, 0)

    async def mixed(self: Any, item: Item) -> AsyncIterator[Item]:
        for number in (0, 5, 0):
            yield Item(item.at, number)

    assert ask(service_member(answers(blank), "first"), SPARE).numbers == [100]
    assert ask(service_member(answers(mixed), "first"), SPARE).numbers == [0, 5, 0]


def test_fallback_that_is_slow_to_open_is_no_failure() -> None:
    """A caller would read of a stand-in while the primary answers, and nothing would ever take that back."""

    class Slow(Answers):
        async def open(self) -> None:
            await asyncio.sleep(8)  # noqa: TID251 - the session's clock begins after this

    seen = ask(service_member(Answers, "first"), service_member(Slow, "other"), start_within=seconds(2))
    assert (seen.failed, seen.recovered) == ([], [])


def test_primary_that_is_slow_to_open_is_replaced_by_the_fallback() -> None:
    """The stand-in begins, and the primary takes over when it is there."""

    class Slow(Answers):
        async def open(self) -> None:
            await asyncio.sleep(8)  # noqa: TID251 - the session's clock begins after this

    seen = ask(service_member(Slow, "first"), SPARE, numbers=range(1, 21), every=seconds(1), start_within=seconds(2))
    assert seen.numbers[0] == 100 and seen.numbers[-1] == 20
    assert seen.numbers == sorted(seen.numbers, key=lambda number: number % 100 != 0), "it takes over once"
    assert [event.member for event in seen.recovered] == ["first"]
    assert (seen.failed[0].reason, seen.failed[0].rung) == ("opening", 1)
    assert "still being opened" in seen.failed[0].message
