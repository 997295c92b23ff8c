"""Ports and caps: what a node class says that it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caps import ANY, Allowed, FromParam, OneOf, Same, constraint, describe, intersect, one_of, param, same
from pipeline.node import Transform
from pipeline.packet import Packet
from pipeline.params import NoParams
from pipeline.port import Input, Output, Receives, Sends
from tests.pipeline.kit import Item, Loose, News

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
