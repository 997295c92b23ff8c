"""Declarations: a node class that is wrong is told so when it is written, not in a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest

from pipeline.node import Node, Service, Sink, Transform
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output, Receives
from tests.pipeline.kit import Item, Lasting, Loose, News


class Voice(Params):
    """Some parameters."""

    speed: int = 1


class Base(Transform[Voice]):
    """A class to be built upon."""

    into = Input(Item, Loose)
    out = Output(Item)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """Every kind."""
        return (item,)


class Narrower(Base):
    """Handles one kind in its own way."""

    @Base.into.of(Loose)
    def drop(self, item: Loose) -> Iterable[Item]:
        """Nothing."""
        return ()


class Second(Base):
    """Has a port more."""

    more = Input(Lasting)
    also = Output(Lasting)

    @more.each
    def give_more(self, item: Lasting) -> Iterable[Lasting]:
        """The same."""
        return (item,)


def test_of_handler_takes_precedence_over_each_handler() -> None:
    """The special handler is called, however the methods are ordered."""

    class Before(Transform[NoParams]):
        into = Input(Item, Loose)
        out = Output(Item)

        @into.of(Loose)
        def special(self, item: Loose) -> Iterable[Item]:
            return ()

        @into.each
        def general(self, item: Item) -> Iterable[Item]:
            return (item,)

    for node, special, general in ((Before, "special", "general"), (Narrower, "drop", "give")):
        handlers = node.handlers["into"]
        assert (handlers[Loose].__name__, handlers[Item].__name__) == (special, general)
    assert Base.handlers["into"][Loose].__name__ == "give"  # the base class is as it was


def test_node_subclass_has_inherited_and_own_ports() -> None:
    """A variant of a node declares what differs, no more."""
    assert (list(Second.inputs), list(Second.outputs)) == (["into", "more"], ["out", "also"])
    assert set(Second.handlers) == {"into", "more"}
    assert list(Base.inputs) == ["into"]


def test_node_subclass_may_override_a_handler() -> None:
    """The method of the subclass is called, not that of the base."""

    class Louder(Base):
        @Base.into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item, item)

    assert Louder.handlers["into"][Item] is Louder.give


def test_node_params_type_comes_from_its_type_argument_or_base() -> None:
    """A node gets the model that it was written for."""

    class Plain(Node[NoParams]):
        pass

    class Bare(Service):  # type: ignore[type-arg]
        pass

    assert [node.params_type for node in (Base, Narrower, Plain, Bare)] == [Voice, Voice, NoParams, NoParams]
    assert Narrower(speed=3).params.speed == 3
    assert Narrower(Voice(speed=4)).params.speed == 4


def test_node_class_with_an_unhandled_kind_is_an_error() -> None:
    """Its author reads it at once; a call never runs into it."""
    with pytest.raises(TypeError, match=r"Deaf\.into takes Item, Loose but no method handles that"):

        class Deaf(Transform[NoParams]):
            into = Input(Item, Loose)

    with pytest.raises(TypeError, match=r"Half\.into takes Item but"):

        class Half(Transform[NoParams]):
            into = Input(Item, Loose)

            @into.of(Loose)
            def give(self, item: Loose) -> Iterable[Item]:
                return ()

    with pytest.raises(TypeError, match=r"Unheard\.told takes News but"):

        class Unheard(Transform[NoParams]):
            told = Receives(News)


def test_node_class_with_one_kind_on_two_outputs_is_an_error() -> None:
    """`yield` could not tell them apart."""
    with pytest.raises(TypeError, match="Twice gives Item on both left and right"):

        class Twice(Service[NoParams]):
            left = Output(Item)
            right = Output(Loose, Item)


def test_node_handler_may_be_an_async_generator() -> None:
    """The mark stays on whatever the method is."""

    class Serves(Service[NoParams]):
        into = Input(Packet)
        told = Receives(Event)

        @into.each
        async def give(self, packet: Packet) -> AsyncIterator[Packet]:
            yield packet

        @told.each
        def note(self, event: Event) -> None:
            """Nothing."""

    assert list(Serves.handlers["into"]) == [Packet]
    assert list(Serves.handlers["told"]) == [Event]


def test_transform_handler_that_is_async_is_an_error() -> None:
    """A transform that awaits would give nothing at all; its author reads where such work belongs."""
    with pytest.raises(TypeError, match=r"Awaits\.give must be `def`: nothing waits in `into`; .* a Service"):

        class Awaits(Transform[NoParams]):
            into = Input(Item)

            @into.each
            async def give(self, item: Item) -> Iterable[Item]:
                return (item,)

    with pytest.raises(TypeError, match=r"Streams\.give must be `def`"):

        class Streams(Base):
            @Base.into.each
            async def give(self, item: Item) -> AsyncIterator[Item]:
                yield item

    for base in (Transform, Service, Sink):
        with pytest.raises(TypeError, match=r"Hears\.note must be `def`: nothing waits in `told`"):

            class Hears(base[NoParams]):  # type: ignore[valid-type, misc]
                told = Receives(News)

                @told.each
                async def note(self, event: News) -> None:
                    """Nothing."""


def test_service_handler_that_is_not_async_is_an_error() -> None:
    """A service that forgot the word is told so when it is written."""
    for base in (Service, Sink):
        with pytest.raises(TypeError, match=r"Forgets\.give must be `async def`: it handles `into`"):

            class Forgets(base[NoParams]):  # type: ignore[valid-type, misc]
                into = Input(Item)

                @into.each
                def give(self, item: Item) -> Iterable[Item]:
                    yield item
