"""Failures: each is reported once, on the bus and in the report, and the session goes on or ends as its graph says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from pipeline.compute.pool import Pooled
from pipeline.errors import NetworkError, NodeError, ResourceError
from pipeline.events import NodeFailed
from pipeline.graph.graph import OnError
from pipeline.node import Sink, Source, Transform
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output, Receives, Sends
from pipeline.runtime.report import SessionReport
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import (
    Item,
    Loose,
    News,
    Pass,
    Serve,
    Written,
    items,
    make_runner,
    member,
    numbers,
    planned,
    run,
    sink,
    source,
)

SEVEN = [n for n in range(10) if n != 7]


class FailsAtSeven(Transform[NoParams]):
    """Cannot bear one number."""

    into = Input(Item)
    out = Output(Item)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same, but for one."""
        if item.number == 7:
            raise ResourceError("seven is too much", hint="give it less")
        return (item,)


class ServesUntilSeven(Serve):
    """The same, as a service."""

    into = Input(Item)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same, but for one."""
        if item.number == 7:
            raise NetworkError("nobody answers", hint="is the server up?")
        yield item


class SourceFailsAtSeven(Source[NoParams]):
    """Gives seven, then fails."""

    out = Output(Item)

    async def run(self) -> AsyncIterator[Item]:
        """Until seven."""
        for item in items(range(10)):
            if item.number == 7:
                raise OSError("the microphone was unplugged")
            await self.clock.sleep(ms(1))
            yield item


class SinkFailsAtSeven(Sink[NoParams]):
    """Keeps all but one."""

    into = Input(Item)
    heard: list[Item]

    @into.each
    async def keep(self, item: Item) -> None:
        """Keeps it."""
        if item.number == 7:
            raise TypeError("seven")
        self.heard.append(item)


def fail(
    nodes: dict[str, Written],
    *links: str,
    on_error: OnError = "degrade",
    prepare: Callable[[Session], object] = lambda _: None,
) -> SessionReport:
    """Runs a graph, and checks that the bus tells what the report says."""
    told: list[NodeFailed] = []

    def prepared(session: Session) -> None:
        session.bus.of(NodeFailed).subscribe(told.append)
        prepare(session)

    report = run(planned(nodes, *links, on_error=on_error), prepare=prepared)
    assert told == report.failures
    assert len(told) == report.failure_count
    return report


def test_source_that_fails_ends_its_stream() -> None:
    """What was heard so far is answered; the person is told why it ended."""
    heard: list[Item] = []
    report = fail({"a": SourceFailsAtSeven, "b": sink(heard)}, "a -> b")
    assert numbers(heard) == list(range(7))
    (failure,) = report.failures
    assert (failure.node, failure.member, failure.category) == ("a", "SourceFailsAtSeven", "resource")
    assert "unplugged" in failure.message
    assert (report.ended, report.error) == ("eos", None)


def test_transform_that_fails_loses_one_packet() -> None:
    """One strange frame does not end a call."""
    heard: list[Item] = []
    report = fail({"a": source(items(range(10)), every=ms(1)), "b": FailsAtSeven, "c": sink(heard)}, "a -> b", "b -> c")
    assert numbers(heard) == SEVEN
    (failure,) = report.failures
    assert (failure.node, failure.message, failure.hint) == ("b", "seven is too much", "give it less")
    assert (failure.pts, failure.answered_by) == (ms(7), "")


def test_transform_fallback_takes_over_at_the_failed_packet() -> None:
    """The simpler detector goes on with it, and does all that follow."""
    heard: list[Item] = []

    class Tens(FailsAtSeven):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (Item(item.at, item.number * 10),)

    nodes: dict[str, Written] = {
        "a": source(items(range(10)), every=ms(1)),
        "b": [member(FailsAtSeven, "vad.fine"), member(Tens, "vad.plain")],
        "c": sink(heard),
    }
    report = fail(nodes, "a -> b", "b -> c")
    assert numbers(heard) == [0, 1, 2, 3, 4, 5, 6, 70, 80, 90]
    assert [(failure.member, failure.answered_by) for failure in report.failures] == [("vad.fine", "vad.plain")]


def test_transform_output_of_an_undeclared_kind_is_reported() -> None:
    """Its author learns which line to add."""

    class Strays(FailsAtSeven):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item, Loose(item.at, 1))

    heard: list[Item] = []
    report = fail({"a": source(items([1]), every=1), "b": Strays, "c": sink(heard)}, "a -> b", "b -> c")
    assert numbers(heard) == [1]
    (failure,) = report.failures
    assert failure.message == "gave a Loose, which none of its ports declares"
    assert "Output" in failure.hint


@pytest.mark.parametrize("base", [Serve, Source])
def test_service_or_source_output_of_an_undeclared_kind_is_reported(base: type[Any]) -> None:
    """Wherever it comes from, an undeclared kind is the author's to mend."""

    class StrayService(Serve):
        into = Input(Item)
        out = Output(Item)

        @into.each
        async def give(self, item: Item) -> AsyncIterator[Packet]:
            yield News(1)  # type: ignore[misc]

    class StraySource(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Packet]:
            await self.clock.sleep(1)
            yield Loose(items([1])[0].at, 1)

    nodes: dict[str, Written] = {"a": source(items([1]), every=1), "b": StrayService, "c": sink([])}
    links = ["a -> b", "b -> c"]
    if base is Source:
        nodes, links = {"a": StraySource, "c": sink([])}, ["a -> c"]
    report = fail(nodes, *links)
    assert [failure.message.partition(",")[1] for failure in report.failures] == [","]
    assert report.ended == "eos"


def test_service_that_fails_loses_one_packet() -> None:
    """One question goes without an answer, and the next is answered."""
    heard: list[Item] = []
    report = fail(
        {"a": source(items(range(10)), every=ms(1)), "b": ServesUntilSeven, "c": sink(heard)}, "a -> b", "b.out -> c"
    )
    assert numbers(heard) == SEVEN
    assert [(failure.category, failure.hint) for failure in report.failures] == [("network", "is the server up?")]


def test_service_members_are_tried_in_order() -> None:
    """The last can always answer."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {
        "a": source(items([7]), every=1),
        "b": [member(ServesUntilSeven, "one"), member(ServesUntilSeven, "two"), member(Serve, "three")],
        "c": sink(heard),
    }
    report = fail(nodes, "a -> b", "b.out -> c")
    assert numbers(heard) == [7]
    assert [(f.member, f.answered_by) for f in report.failures] == [("one", "two"), ("two", "three")]


def test_sink_that_fails_goes_on() -> None:
    """One bad packet does not end the playing."""

    class Ear(SinkFailsAtSeven):
        heard: list[Item] = []

    report = fail({"a": source(items(range(10)), every=ms(1)), "b": Ear}, "a -> b")
    assert numbers(Ear.heard) == SEVEN
    assert [(failure.node, failure.category) for failure in report.failures] == [("b", "unknown")]


def test_feedback_handler_that_fails_is_reported() -> None:
    """What flows back can fail too; the node goes on."""

    class Hears(Pass):
        into = Input(Item)
        news = Receives(News)

        @news.each
        def note(self, event: News) -> None:
            raise KeyError(event.number)

    class Plays(Sink[NoParams]):
        into = Input(Item)
        news = Sends(News)

        @into.each
        async def play(self, item: Item) -> AsyncIterator[News]:
            heard.append(item)
            yield News(item.number)

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2]), every=ms(1)), "b": Hears, "c": Plays}
    report = fail(nodes, "a -> b", "b.out -> c")
    assert numbers(heard) == [1, 2]
    assert [failure.message for failure in report.failures] == ["KeyError(1)", "KeyError(2)"]


class Said(Event, frozen=True):
    """Something on the bus."""


def test_bus_subscriber_that_fails_is_reported_and_ends_nothing() -> None:
    """A broken dashboard does not end a call, even where failures do."""
    said: list[Said] = []

    class Posts(Pass):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            self.post(Said())
            return (item,)

    def raises(event: Event) -> None:
        raise ValueError("the dashboard is broken")

    def subscribe(session: Session) -> None:
        session.bus.of(Said).subscribe(raises)
        session.bus.of(Said).subscribe(said.append)

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2]), every=ms(1)), "b": Posts, "c": sink(heard)}
    report = fail(nodes, "a -> b", "b.out -> c", on_error="end", prepare=subscribe)
    assert len(said) == len(heard) == 2
    assert {failure.node for failure in report.failures} == {"subscriber to Said"}
    assert report.failure_count == 2
    assert report.ended == "eos"


def test_failure_subscriber_that_fails_is_not_told_of_its_own_failure() -> None:
    """Else one broken alert would call itself for ever."""
    calls: list[NodeFailed] = []

    def raises(event: NodeFailed) -> None:
        calls.append(event)
        raise ValueError("no alert")

    nodes: dict[str, Written] = {"a": source(items([7]), every=1), "b": FailsAtSeven, "c": sink([])}
    report = run(
        planned(nodes, "a -> b", "b -> c"), prepare=lambda session: session.bus.of(NodeFailed).subscribe(raises)
    )
    assert len(calls) == 1
    assert [failure.node for failure in report.failures] == ["b", "subscriber to NodeFailed"]


def test_session_observer_that_fails_affects_no_node() -> None:
    """A broken recorder costs the recording, not the conversation."""

    def observe(node: str, packet: Packet) -> None:
        raise OSError("the disk is full")

    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1, 2])), "b": [Pass, Pass], "c": sink(heard)}
    report = run(planned(nodes, "a -> b", "b.out -> c", on_error="end"), observe=observe)
    assert numbers(heard) == [1, 2]
    assert {failure.node for failure in report.failures} == {"observer"}
    assert report.ended == "eos"


@pytest.mark.parametrize(
    ("nodes", "links"),
    [
        ({"a": SourceFailsAtSeven, "z": sink([])}, ["a -> z"]),
        ({"b": FailsAtSeven, "z": sink([])}, ["a -> b -> z"]),
        ({"b": ServesUntilSeven, "z": sink([])}, ["a -> b", "b.out -> z"]),
        ({"z": type("Ear", (SinkFailsAtSeven,), {"heard": []})}, ["a -> z"]),
    ],
)
def test_session_with_on_error_end_ends_at_the_first_failure(nodes: dict[str, Written], links: list[str]) -> None:
    """Where half an answer is worse than none, a graph says `on_error: end`."""
    given: dict[str, Written] = {"a": source(items(range(10)), every=ms(10))}
    report = fail({**given, **nodes}, *links, on_error="end")
    assert report.ended == "failed"
    assert report.error is not None
    assert report.failure_count == 1
    assert report.duration <= ms(70)


def test_session_with_on_error_end_goes_on_when_a_fallback_answers() -> None:
    """Nobody noticed anything."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items(range(10)), every=1), "b": [FailsAtSeven, Pass], "c": sink(heard)}
    report = fail(nodes, "a -> b", "b.out -> c", on_error="end")
    assert (report.ended, report.error) == ("eos", None)


def test_session_error_is_the_first_failure() -> None:
    """Of two, a person wants to read the first."""

    class Two(FailsAtSeven):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            raise ValueError(item.number)

    nodes: dict[str, Written] = {"a": source(items([1, 2, 3])), "b": Two, "c": sink([])}
    report = fail(nodes, "a -> b", "b -> c", on_error="end")
    assert repr(report.error) == "ValueError(1)"
    assert report.failure_count == 3


def test_session_report_keeps_a_bounded_number_of_failures() -> None:
    """A node that fails at every packet does not fill the memory."""

    class Always(FailsAtSeven):
        into = Input(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            raise ValueError(item.number)

    report = run(planned({"a": source(items(range(250))), "b": Always, "c": sink([])}, "a -> b", "b -> c"))
    assert (len(report.failures), report.failure_count) == (100, 250)


def test_source_cancelled_from_within_is_a_failure() -> None:
    """A library that cancels the reading must not end the call in silence."""

    class Cancelled(Source[NoParams]):
        out = Output(Item)

        async def run(self) -> AsyncIterator[Item]:
            yield items([1])[0]
            await self.clock.sleep(1)
            raise asyncio.CancelledError

    heard: list[Item] = []
    report = fail({"a": Cancelled, "b": sink(heard)}, "a -> b")
    assert numbers(heard) == [1]
    assert ["cancelled from within" in failure.message for failure in report.failures] == [True]


# --- opening


class CannotOpen(Pass):
    """Its device is not there."""

    async def open(self) -> None:
        """Fails."""
        raise ResourceError("no such device", hint="plug it in")


class FailsToOpen(Pass):
    """Raises what no node should."""

    async def open(self) -> None:
        """Fails."""
        raise FileNotFoundError(2, "No such file", "/etc/voice")


def opened(log: list[str]) -> type[Pass]:
    """A class that notes when it is opened and closed."""

    class Opened(Pass):
        async def open(self) -> None:
            log.append(f"open {self.context.name}")

        async def close(self) -> None:
            log.append(f"close {self.context.name}")

    return Opened


@pytest.mark.parametrize("node", [CannotOpen, FailsToOpen])
def test_fallback_replaces_a_primary_that_cannot_be_opened(node: type[Pass]) -> None:
    """The call begins, with the simpler node, and says so."""
    heard: list[Item] = []
    nodes: dict[str, Written] = {"a": source(items([1])), "b": [member(node, "fine"), Pass], "c": sink(heard)}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert numbers(heard) == [1]
    (failure,) = report.failures
    assert (failure.node, failure.member, failure.answered_by) == ("b", "fine", "Pass")


@pytest.mark.parametrize(
    ("node", "words", "category"),
    [(CannotOpen, "no such device", "resource"), (FailsToOpen, "opening failed: FileNotFoundError", "user_input")],
)
def test_node_that_cannot_be_opened_without_fallback_raises(node: type[Pass], words: str, category: str) -> None:
    """A person is told which node, and what to do; what was opened is closed."""
    log: list[str] = []
    nodes: dict[str, Written] = {"a": source(items([1])), "n": opened(log), "b": [node, node], "c": sink([])}
    with pytest.raises(NodeError, match=words) as caught:
        run(planned(nodes, "a -> n", "n.out -> b", "b.out -> c"))
    assert (caught.value.node, caught.value.category) == ("b", category)
    assert log == ["open n", "close n"]


def test_fallback_that_cannot_be_opened_is_reported_and_left_out() -> None:
    """Better to know before it is needed."""
    nodes: dict[str, Written] = {"a": source(items([1])), "b": [Pass, member(CannotOpen, "spare")], "c": sink([])}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert [(failure.member, failure.answered_by) for failure in report.failures] == [("spare", "Pass")]


def _no_model(_: NoParams) -> int:
    raise ImportError("No module named 'whisper'", name="whisper")


def test_model_that_cannot_be_loaded_counts_as_a_node_open_failure() -> None:
    """The message names the node and what to install."""

    class Model(Serve):
        engine = Pooled(_no_model)

    nodes: dict[str, Written] = {"a": source(items([1])), "b": [member(Model, "fine"), Serve], "c": sink([])}
    report = run(planned(nodes, "a -> b", "b.out -> c"))
    assert [(failure.category, failure.answered_by) for failure in report.failures] == [("dependency", "Serve")]


def test_session_cancelled_while_opening_closes_opened_nodes() -> None:
    """A call that is given up while it connects leaves no connection."""
    log: list[str] = []

    class Slow(Pass):
        async def open(self) -> None:
            await self.clock.sleep(ms(1000))

    nodes: dict[str, Written] = {"a": source(items([1])), "b": [opened(log), Slow], "c": sink([])}

    async def main() -> None:
        async with asyncio.timeout(0.1):
            await make_runner().session(planned(nodes, "a -> b", "b.out -> c")).run()

    with pytest.raises(TimeoutError):
        run_virtual(main())
    assert log == ["open b", "close b"]
