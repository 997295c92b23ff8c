"""The harness: runs one node in virtual time and records everything it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable

import pytest

from pipeline.errors import ResourceError, UserInputError
from pipeline.node import Sink, Source, Transform
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output, Receives, Sends
from pipeline.testing import root_stamp, run_node
from tests.pipeline.kit import Item, Lasting, Loose, News, Pass, Serve, items, numbers


class Said(Event, frozen=True):
    """An event on the bus."""


class Counts(Transform[NoParams]):
    """Uses every kind of output."""

    into = Input(Item, passes=True, rate=16_000)
    out = Output(Item)
    news = Receives(News)
    told = Sends(News)

    @into.each
    def count(self, item: Item) -> Iterable[Item | News]:
        """The item, and news of it."""
        self.post(Said())
        return (item, News(item.number))

    @news.each
    def answer(self, event: News) -> Iterable[Item]:
        """An item for an event."""
        return (Item(root_stamp(), event.number * 100),)

    def finish(self) -> Iterable[Packet]:
        """One more item."""
        return items([99])


class Mark(Packet, frozen=True):
    """A kind that passes."""


def test_harness_returns_packets_events_and_errors_of_a_node() -> None:
    mark = Mark(root_stamp(ms(40), ms(20)))
    out = run_node(Counts(), [*items([0, 1]), mark])
    assert numbers(out.of(Item)) == [0, 1, 99]
    assert out.kinds() == [Item, Item, Mark, Item]
    assert numbers(out.events) == [0, 1]
    assert len(out.of(Said)) == 2
    assert out.errors == []
    assert out.report.ended == "eos"


def test_harness_feeds_packets_at_their_own_pace() -> None:
    """A packet arrives at the end of its time span, as from a live source."""
    assert run_node(Pass(), items([0, 5])).times == [ms(20), ms(120)]
    assert run_node(Pass(), items([0, 5]), paced=False).times == [0, 0]


def test_harness_feeds_upstream_events_between_packets() -> None:
    """Upstream events arrive between packets, in the order of the feed."""
    out = run_node(Counts(), [*items([1]), News(7), *items([2])])
    assert numbers(out.of(Item)) == [1, 700, 2, 99]


def test_harness_feeds_ports_by_name() -> None:
    class Two(Sink[NoParams]):
        left = Input(Item)
        right = Input(Loose)
        told = Sends(News)

        @left.each
        async def hear_left(self, item: Item) -> AsyncIterator[News]:
            yield News(item.number)

        @right.each
        async def hear_right(self, item: Loose) -> AsyncIterator[News]:
            yield News(-item.number)

    out = run_node(Two(), {"left": items([1, 2]), "right": items([3], Loose)})
    assert numbers(out.events) == [1, 2, -3]


def test_harness_runs_a_source_without_feed() -> None:
    class Gives(Source[NoParams]):
        out = Output(Item, Lasting)

        async def run(self) -> AsyncIterator[Item]:
            for item in items([1, 2]):
                yield item

    assert numbers(run_node(Gives()).of(Item)) == [1, 2]


def test_harness_runs_a_service_without_input() -> None:
    out = run_node(Serve())
    assert (out.packets, out.errors) == ([], [])


def test_harness_returns_failures() -> None:
    class Fails(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            raise ResourceError("it is full", hint="empty it")

    out = run_node(Fails(), items([1, 2]))
    assert [(failure.message, failure.hint) for failure in out.errors] == [("it is full", "empty it")] * 2


def test_harness_shows_where_a_node_failed() -> None:
    """`KeyError('key')` alone tells an author nothing; with the traceback they see the line."""

    class Forgets(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return self.look_up("key")

        def look_up(self, key: str) -> Iterable[Item]:
            return dict[str, Iterable[Item]]()[key]

    out = run_node(Forgets(), items([1]))
    assert out.errors[0].message == "KeyError('key')"
    assert out.errors[0].trace[-1].endswith("look_up") and __file__ in out.errors[0].trace[-1]
    with pytest.raises(AssertionError, match="KeyError") as raised:
        out.raise_errors()
    assert isinstance(raised.value.__cause__, KeyError) and raised.value.__cause__.__traceback__ is not None
    run_node(Pass(), items([1])).raise_errors()


def test_harness_raises_when_a_node_cannot_be_opened() -> None:
    class Closed(Pass):
        async def open(self) -> None:
            raise ResourceError("no device")

    with pytest.raises(ResourceError, match="no device"):
        run_node(Closed(), items([1]))


def test_harness_passes_caps_to_the_node() -> None:
    seen: list[object] = []

    class Asks(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            seen.append(self.context.caps["into"]["rate"])
            return (item,)

    run_node(Asks(), items([1]), caps={"into": {"rate": 8_000}})
    assert seen == [8_000]


def test_harness_provides_what_the_program_would() -> None:
    """Found by class, also by an abstract one; if it is missing, the error names the class."""

    class Price(ABC):
        @property
        @abstractmethod
        def cents(self) -> int: ...

    class Fixed(Price):
        cents = 7

    found: list[int] = []

    class Buyer(Pass):
        into = Input(Item)

        async def open(self) -> None:
            found.append(self.provided(Price).cents)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    run_node(Buyer(), items([1]), provide=["other", Fixed()])
    assert found == [7]
    with pytest.raises(UserInputError, match="was given no Price") as caught:
        run_node(Buyer(), items([1]))
    assert "provide=[...]" in caught.value.hint
