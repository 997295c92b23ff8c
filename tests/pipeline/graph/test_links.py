"""Chains and long links must connect what they say, and nothing twice."""

from __future__ import annotations

from pipeline.errors import Location
from pipeline.graph.graph import Link, QueueSpec
from pipeline.graph.problems import GraphErrors
from tests.pipeline.graph.some_graphs import NODES, error, graph, of_nodes

FOUR = of_nodes(
    f"caller: {NODES}:Microphone\nvad: ears.detector\n"
    f"asr: {{use: words.recognizer, model: a}}\nspeaker: {NODES}:Speaker"
)


def links(*items: str) -> tuple[Link, ...]:
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
    assert bounded.queue == QueueSpec(200_000_000, 8, "drop_oldest")


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
