"""Chains and long links must connect the ports that they name or leave open, and none twice."""

from __future__ import annotations

import pytest

from pipeline.errors import GraphError, Location
from pipeline.graph.graph import LinkSpec, QueueSpec
from pipeline.graph.links import accepts, with_ports
from pipeline.graph.problems import GraphErrors
from pipeline.node import Node, Sink, Source, Transform
from pipeline.packet import Packet
from pipeline.params import NoParams
from pipeline.port import Input, Output
from tests.pipeline.graph.some_graphs import NODES, error, graph, of_nodes
from tests.pipeline.kit import HERE, Item, Loose

FOUR = of_nodes(
    f"caller: {NODES}:Microphone\nvad: ears.detector\n"
    f"asr: {{use: words.recognizer, model: a}}\nspeaker: {NODES}:Speaker"
)


def links(*items: str) -> tuple[LinkSpec, ...]:
    """The links of some items."""
    return graph(FOUR + "links:\n" + "".join(f"  - {item}\n" for item in items)).links


def ends(*items: str) -> list[str]:
    """The links as they are printed."""
    return [str(link) for link in links(*items)]


def test_link_chain_is_one_link_per_arrow() -> None:
    """The conversation is one line."""
    assert ends("caller -> vad -> asr") == ["caller -> vad", "vad -> asr"]


def test_link_chain_reads_ports_at_both_ends() -> None:
    """A port goes with its node: out at the start, in at the end."""
    assert ends("vad.speech -> asr -> speaker.caption") == ["vad.speech -> asr", "asr -> speaker.caption"]


def test_link_chain_ignores_whitespace() -> None:
    """Chains are written by hand, over several lines, too."""
    assert ends("caller->vad  ->\n      asr") == ["caller -> vad", "vad -> asr"]


def test_long_link_form_sets_queue_bounds() -> None:
    """A queue where the planner would fuse, with its bounds."""
    (bare,) = links("{from: caller.sound, to: vad.sound}")
    assert bare.queue is None
    (forced,) = links("{from: caller, to: vad, queue: true}")
    assert forced.queue == QueueSpec()
    (bounded,) = links("{from: caller, to: vad, queue: {time: 200ms, count: 8, full: drop_oldest}}")
    assert bounded.queue == QueueSpec(time=200_000_000, count=8, full="drop_oldest")


def test_each_chained_link_has_its_own_source_location() -> None:
    """What the planner finds wrong with the third arrow is shown at the third arrow."""
    assert [link.where.column for link in links("caller -> vad -> asr")] == [15, 22]


def test_unknown_node_in_a_link_chain_is_reported_once() -> None:
    """It is the end of two links but one mistake; and it stands where it is written."""
    raised = error(FOUR + "links:\n  - caller -> vda -> asr\n")
    assert not isinstance(raised, GraphErrors)
    assert raised.where == Location("g.yaml", 8, 15)


def test_link_checks_both_ends() -> None:
    """Two mistakes in one line are two messages."""
    raised = error(FOUR + "links:\n  - {from: calle, to: va}\n")
    assert isinstance(raised, GraphErrors)
    assert [each.hint for each in raised.errors] == ["did you mean `caller`?", "did you mean `vad`?"]


def test_links_to_an_invalid_node_report_no_port_errors() -> None:
    """One cause, one message."""
    raised = error(of_nodes("vad: vad.nothing\nears: ears.detector") + "links:\n  - vad.speech -> ears\n")
    assert raised.message == "there is no node `vad.nothing`"


def test_duplicate_link_between_the_same_ports_is_refused() -> None:
    """Everything would be heard twice."""
    raised = error(FOUR + "links:\n  - caller -> vad -> asr\n  - vad -> asr -> speaker\n")
    assert raised.message == "`vad -> asr` is linked twice"
    assert ends("asr -> speaker.sound", "asr -> speaker.caption") == ["asr -> speaker.sound", "asr -> speaker.caption"]


# --- ports


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


def joined(
    source: type[Node[NoParams]], target: type[Node[NoParams]], out: str = "", into: str = ""
) -> tuple[str, str]:
    """The ports that are found."""
    found = with_ports(LinkSpec("a", out, "b", into, None, HERE), source, target)
    return found.source_port, found.target_port


def test_port_matching_picks_the_only_pair_that_fits() -> None:
    """`a -> b` needs no names of ports."""
    assert joined(Both, Eyes) == ("words", "words")
    assert joined(Both, Any, "sound") == ("sound", "into")


def test_named_port_is_used() -> None:
    """Where there are several, the graph says which."""
    assert joined(Both, Ears, into="right") == ("sound", "right")


def failure(source: type[Node[NoParams]], target: type[Node[NoParams]], out: str = "", into: str = "") -> GraphError:
    """What is wrong."""
    with pytest.raises(GraphError) as caught:
        joined(source, target, out, into)
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
    assert error.message == "`b` has no input `rihgt`"
    assert error.expected == "left, right"
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
    assert accepts(Ears.inputs["left"], Loose)
    assert not accepts(Ears.inputs["left"], Text)
    assert accepts(Any.inputs["into"], Text)
