"""Which ports a link joins, where the graph names only the nodes."""

from __future__ import annotations

import pytest

from pipeline.errors import GraphError, Location
from pipeline.graph.graph import Link
from pipeline.graph.ports import accepted, resolve_ends
from pipeline.node import Node, Sink, Source, Transform
from pipeline.packet import Packet
from pipeline.params import NoParams
from pipeline.port import Input, Output
from tests.pipeline.kit import HERE, Item, Loose


class Text(Packet, frozen=True):
    """Another kind."""


class Both(Source[NoParams]):
    """Gives sound and words."""

    sound = Output(Item)
    words = Output(Text)


class Ears(Sink[NoParams]):
    """Takes sound, twice."""

    left = Input(Item)
    right = Input(Item)

    @left.each
    @right.each
    async def hear(self, item: Item) -> None:
        """Nothing."""


class Eyes(Sink[NoParams]):
    """Takes words."""

    words = Input(Text)

    @words.each
    async def read(self, text: Text) -> None:
        """Nothing."""


class Any(Transform[NoParams]):
    """Lets everything through."""

    into = Input(Packet, passes=True)
    out = Output(Packet)

    @into.each
    def give(self, packet: Packet) -> tuple[Packet, ...]:
        """The same."""
        return (packet,)


def ends(
    source: type[Node[NoParams]], target: type[Node[NoParams]], out: str | None = None, into: str | None = None
) -> tuple[str, str]:
    """The ports that are found."""
    found = resolve_ends(Link("a", out, "b", into, None, HERE), source, target)
    return found.source_port, found.target_port


def test_port_matching_picks_the_only_pair_that_fits() -> None:
    """Who writes `a -> b` need not know the names of ports."""
    assert ends(Both, Eyes) == ("words", "words")
    assert ends(Both, Any, "sound") == ("sound", "into")


def test_named_port_is_used() -> None:
    """Where there are several, the graph says which."""
    assert ends(Both, Ears, into="right") == ("sound", "right")


def failure(
    source: type[Node[NoParams]], target: type[Node[NoParams]], out: str | None = None, into: str | None = None
) -> GraphError:
    """What is wrong."""
    with pytest.raises(GraphError) as caught:
        ends(source, target, out, into)
    assert caught.value.where == Location("graph.yaml", 1, 1)
    return caught.value


def test_ambiguous_ports_are_listed() -> None:
    """Guessing would play the voice on the wrong side."""
    error = failure(Both, Ears)
    assert error.message == "the link `a -> b` could mean several"
    assert error.expected == "one of `a.sound -> b.left`, `a.sound -> b.right`"
    assert "name the port" in error.hint


def test_incompatible_ports_error_describes_both_ends() -> None:
    """A person sees which node is missing between."""
    error = failure(Both, Eyes, out="sound")
    assert error.message == "`a` does not fit `b`"
    assert error.expected == "Text, which `b.words` takes"
    assert error.found == "Item, which `a.sound` gives"
    assert "put a node between them" in error.hint


def test_unknown_port_suggests_a_similar_name() -> None:
    """A typing error costs one look."""
    error = failure(Both, Ears, into="rihgt")
    assert error.message == "`b` has no input named `rihgt`"
    assert error.expected == "`left` or `right`"
    assert "right" in error.hint


@pytest.mark.parametrize(
    ("source", "target", "what"), [(Ears, Eyes, "`a` has no output"), (Both, Both, "`b` has no input")]
)
def test_link_into_a_source_or_out_of_a_sink_is_an_error(
    source: type[Node[NoParams]], target: type[Node[NoParams]], what: str
) -> None:
    """Most likely the arrow points the wrong way."""
    error = failure(source, target)
    assert error.message == what
    assert "direction" in error.hint


def test_input_port_accepts_subclasses_of_its_kind() -> None:
    """A recorder that takes packets takes all of them."""
    assert accepted(Loose, Ears.inputs["left"])
    assert not accepted(Text, Ears.inputs["left"])
    assert accepted(Text, Any.inputs["into"])
