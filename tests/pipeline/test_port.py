"""Ports, caps and declarations: what a node class takes and gives, and the errors of a class that is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caps import ANY, Allowed, FromParam, OneOf, Same, constraint, describe, intersect, one_of, param, same
from pipeline.node import Node, Service, Sink, Transform
from pipeline.packet import Event, Packet
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output, Receives, Sends
from tests.pipeline.kit import Item, Lasting, Loose, News

allowed = st.none() | st.lists(st.integers(0, 4), unique=True).map(tuple)


class Everything(Transform[NoParams]):
    """Has one of each."""

    into = Input(Item, Loose, gated=True, passes=True, optional=True, rate=one_of(8_000, 16_000), channels=1)
    out = Output(Item, rate=same("into"), channels=param("channels"), language=ANY)
    told = Receives(News)
    tells = Sends(News)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """Nothing."""
        return ()

    @told.each
    def note(self, event: News) -> None:
        """Nothing."""


def test_port_knows_its_name_kinds_and_constraints() -> None:
    """What `inspect` and messages show."""
    into, out = Everything.inputs["into"], Everything.outputs["out"]
    assert (into.name, into.kinds) == ("into", (Item, Loose))
    assert (into.gated, into.passes, into.optional) == (True, True, True)
    assert into.caps == {"rate": OneOf((8_000, 16_000)), "channels": OneOf((1,))}
    assert out.caps == {"rate": Same("into"), "channels": FromParam("channels"), "language": ANY}
    assert (Everything.receives["told"].event, Everything.sends["tells"].event) == (News, News)
    assert (Everything.receives["told"].name, Everything.sends["tells"].name) == ("told", "tells")


def test_port_defaults() -> None:
    """By default a port is linked, lets nothing else through and waits for no decision."""
    plain: Input[Item] = Input(Item)
    assert (plain.gated, plain.passes, plain.optional, plain.caps) == (False, False, False, {})


def test_port_repr_shows_its_kinds() -> None:
    """A debugger shows what goes there."""
    assert repr(Everything.inputs["into"]) == "<Input into: Item, Loose>"
    assert repr(Everything.outputs["out"]) == "<Output out: Item>"


@pytest.mark.parametrize(("written", "meant"), [(16_000, OneOf((16_000,))), ("en", OneOf(("en",))), (ANY, ANY)])
def test_caps_constraint_from_a_bare_value_is_a_set_of_one(written: int | str, meant: object) -> None:
    """`rate=16_000` is enough."""
    assert constraint(written) == meant


@given(allowed, allowed)
def test_caps_intersection_keeps_the_order_of_the_first(a: Allowed, b: Allowed) -> None:
    """The most wanted value of the one end is taken where the other end allows it."""
    both = intersect(a, b)
    if a is None or b is None:
        assert both == (b if a is None else a)
    else:
        assert both == tuple(value for value in a if value in b)
        assert set(both) == set(intersect(b, a) or ())


def test_caps_are_described_in_plain_words() -> None:
    """A message about a mismatch can be read aloud."""
    assert describe({"rate": (8_000, 16_000), "channels": (1,), "language": None}) == "rate 8000 or 16000, channels 1"
    assert describe({}) == ""


def test_handler_method_may_serve_several_ports() -> None:
    """Two sources of the same kind need no second method."""

    class Both(Transform[NoParams]):
        left = Input(Item)
        right = Input(Item)
        out = Output(Packet)

        @left.each
        @right.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    assert Both.handlers["left"][Item] is Both.handlers["right"][Item]


# --- declarations


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
