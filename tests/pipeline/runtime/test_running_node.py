"""Stages: what a handler gets and where its outputs go, how the end travels, and how members change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.errors import NodeError
from pipeline.node import Context, Node, Transform
from pipeline.packet import Packet
from pipeline.params import NoParams
from pipeline.port import Input, Output, Receives, Sends
from pipeline.runtime.link import Link, make_link
from pipeline.runtime.running_node import EndOfStream, Routes, RunningMember, RunningNode, nowhere
from pipeline.runtime.virtual import VirtualLoop
from pipeline.testing import root_stamp
from tests.pipeline.kit import Item, Lasting, Loose, News, Pass, bounds, items

ONE, TWO = items([1, 2])


class Counts(Transform[NoParams]):
    """Remembers what it took."""

    into = Input(Item, Loose)
    out = Output(Item)
    told = Receives(News)
    tells = Sends(News)

    @dataclass(slots=True)
    class State:
        """What it took."""

        seen: int = 0

    state: State

    @into.each
    def give(self, item: Item) -> Iterable[Item | News]:
        """As many as it has taken."""
        self.state.seen += 1
        yield Item(item.at, self.state.seen)

    @into.of(Loose)
    def tell_of(self, item: Loose) -> Iterable[Item | News]:
        """News."""
        return (News(item.number),)

    @told.each
    def note(self, event: News) -> None:
        """Takes note."""
        self.state.seen += event.number

    def finish(self) -> Iterable[Packet]:
        """One more."""
        return (Item(root_stamp(), 99),)


def running(*nodes: Node[Any], name: str = "node") -> RunningNode:
    """A running node with started members."""
    loop = VirtualLoop()
    loop.close()
    for node in nodes:
        node.start(Context(name, Clock(loop), Causes(), lambda _: None, lambda _: None))
    return RunningNode(name, [RunningMember(node, place=n) for n, node in enumerate(nodes)], root_stamp())


def test_running_node_delivers_outputs_to_every_target_of_their_kind() -> None:
    """Fan-out is a call each."""
    made, got = running(Counts()), []
    made.bind("into", (Item,))
    made.routes.add(Item, lambda item: got.append(("a", item.number)))
    made.routes.add(Item, lambda item: got.append(("b", item.number)))
    made.routes.add(Item, lambda item: got.append(("c", item.number)))
    made.entry("into")(ONE)
    made.entry("into")(TWO)
    assert got == [(target, n) for n in (1, 2) for target in "abc"]


def test_running_node_discards_unlinked_outputs_and_events() -> None:
    """An output or an event that a graph does not use is no failure."""
    made = running(Counts())
    made.bind("into", (Item, Loose))
    made.entry("into")(ONE)
    made.entry("into")(Loose(ONE.at, 3))
    made.send_upstream(News(1))
    assert made.routes[Item] is nowhere


def test_running_node_error_says_how_to_declare_a_kind() -> None:
    """The message is for the author of the node."""
    with pytest.raises(NodeError, match="gave a Loose, which none of its ports declares") as raised:
        running(Counts()).routes[Loose]
    assert "Output(...)" in raised.value.hint
    with pytest.raises(NodeError, match="gave a News"):
        Routes()[News]


def test_running_node_handles_a_packet_subclass_as_its_base() -> None:
    """A plug-in may refine a kind without every node knowing of it."""
    made = running(Pass())
    got: list[Lasting] = []
    made.bind("into", (Lasting,))
    made.routes.add(Lasting, got.append)
    packet = Lasting(ONE.at, 1)
    made.entry("into")(packet)
    assert got == [packet]


def test_running_node_delivers_outputs_of_an_event_handler() -> None:
    """A handler of events may just take note."""
    made, got = running(Counts()), []
    made.bind("told", (News,))
    made.bind("into", (Item,))
    made.routes.add(Item, lambda item: got.append(item.number))
    made.entry("told")(News(10))
    made.entry("into")(ONE)
    assert got == [11]


# --- the end


def test_running_node_ends_once_after_every_feeder() -> None:
    """One of two microphones that ends does not end the mixing; the last outputs go out before the end does."""
    link = make_link("a -> b", bounds(9))
    made = running(Counts())
    made.feeders = 2
    made.below.append(link)
    made.routes.add(Item, link.push)
    made.end()
    assert not link.items
    made.end()
    made.end()
    made.end_below()
    assert [type(packet) for packet in link.items] == [Item, EndOfStream]
    assert made.ended


def test_running_node_end_passes_through_fused_nodes() -> None:
    """Each finishes in turn, so that what the first gives last still passes the second."""
    first, second, link = running(Counts()), running(Counts()), make_link("a -> b", bounds(9))
    first.feeders = second.feeders = 1
    second.bind("into", (Item,))
    first.below.append(second)
    second.below.append(link)
    first.routes.add(Item, second.entry("into"))
    second.routes.add(Item, link.push)
    first.end()
    assert [packet.number for packet in link.items if isinstance(packet, Item)] == [1, 99]
    assert isinstance(link.items[-1], EndOfStream)


def test_running_node_finish_that_fails_is_reported_and_the_end_goes_on() -> None:
    """A broken last sentence does not keep the session open."""

    class Broken(Counts):
        def finish(self) -> Iterable[Packet]:
            raise ValueError("broken")

    failures: list[Exception] = []

    def failed(error: Exception, _: object) -> bool:
        failures.append(error)
        return False

    link = make_link("a -> b", bounds(9))
    made = running(Broken())
    made.failed = failed
    made.feeders = 1
    made.below.append(link)
    made.end()
    assert [str(error) for error in failures] == ["broken"]
    assert isinstance(link.items[0], EndOfStream)


def test_end_of_stream_survives_a_flush() -> None:
    """A flush does not take the end of the stream with it."""
    link: Link = make_link("a -> b", bounds(9))
    made = running(Counts())
    made.below.append(link)
    made.end_below()
    link.flush()
    assert len(link.items) == 1


# --- members


class Tens(Counts):
    """The fallback."""

    @Counts.into.each
    def give(self, item: Item) -> Iterable[Item]:
        """Tenfold."""
        return (Item(item.at, item.number * 10),)


def test_running_node_next_member_takes_over_the_same_routes() -> None:
    """Nothing is wired anew while packets flow."""
    first, second = Counts(), Tens()
    made, got = running(first, second), []
    made.bind("into", (Item,))
    made.routes.add(Item, lambda item: got.append(item.number))
    entry = made.entry("into")
    entry(TWO)
    assert made.drop_active() is made.active
    entry(TWO)
    assert got == [1, 20]
    assert made.node is second
    assert made.drop_active() is None  # the last stays
    assert made.node is second


def test_running_node_renewed_member_has_a_new_state() -> None:
    """What is captive in a task that hangs cannot disturb who takes its place."""
    made, got = running(Counts()), []
    made.bind("into", (Item,))
    made.routes.add(Item, lambda item: got.append(item.number))
    entry, captive = made.entry("into"), made.node
    entry(ONE)
    made.renew()
    entry(ONE)
    assert got == [1, 1]
    assert made.node is not captive
    assert (captive.state.seen, made.node.state.seen) == (1, 1)
    assert made.node.params is captive.params
    assert "RunningNode node" in repr(made)
