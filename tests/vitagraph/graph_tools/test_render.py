"""A drawing must show every node, link and event, and look the same each time."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest

from pipeline.graph.plan import Latency, Plan, PlannedFeedback, PlannedLink, PlannedNode
from pipeline.packet import Queue
from pipeline.params import ms
from tests.pipeline.graph import some_nodes
from tests.pipeline.graph.some_graphs import graph, of_nodes
from tests.pipeline.graph.some_nodes import PlaybackProgress, Sound, Words
from vitagraph.graph_tools.render import dot, mermaid

GRAPH = graph(
    of_nodes(
        "caller: ears.detector\n"
        "vad:\n  use: ears.detector\n  fallback: [ears.detector, {use: ears.detector, release: 1s}]\n"
        "end: ears.detector"
    )
)


@pytest.fixture
def plan() -> Plan:
    """A fused link through an inserted node, a queued one, and an event against both."""
    nodes = {name: PlannedNode(name, spec.members) for name, spec in GRAPH.nodes.items()}
    member = replace(GRAPH.nodes["end"].primary, use="media.resample", node=some_nodes.Resampler)
    nodes["resample"] = PlannedNode("resample", (member,), inserted=True)
    links = (
        PlannedLink("caller", "speech", "resample", "sound", (Sound,), None),
        PlannedLink("resample", "out", "vad", "sound", (Sound,), None),
        PlannedLink("vad", "speech", "end", "sound", (Words, Sound), Queue(ms(200), 8, "drop_oldest")),
    )
    feedback = (
        PlannedFeedback("end", "vad", "played", PlaybackProgress),
        PlannedFeedback("end", "caller", "played", PlaybackProgress),
    )
    return Plan(GRAPH, nodes, links, feedback, Latency(0, ()))


def test_mermaid_shows_every_node_link_and_event(plan: Plan) -> None:
    """Names that Mermaid reserves, such as `end`, must not break it: they are only labels."""
    assert mermaid(plan) == (
        "flowchart LR\n"
        '  n0["caller<br/>ears.detector"]\n'
        '  n1["vad<br/>ears.detector<br/>or ears.detector<br/>or ears.detector"]\n'
        '  n2["end<br/>ears.detector"]\n'
        '  n3(["resample<br/>media.resample"])\n'
        '  n0 -->|"Sound"| n3\n'
        '  n3 -->|"Sound"| n1\n'
        '  n1 ==>|"Sound, Words<br/>200ms or 8, drop_oldest"| n2\n'
        '  n2 -.->|"PlaybackProgress"| n0\n'
        '  n2 -.->|"PlaybackProgress"| n1\n'
    )


def test_dot_shows_every_node_link_and_event(plan: Plan) -> None:
    """The same drawing for Graphviz."""
    assert dot(plan) == (
        "digraph plan {\n"
        "  rankdir=LR\n"
        "  node [shape=box, fontname=sans]\n"
        "  edge [fontname=sans, fontsize=10]\n"
        '  "caller" [label="caller\\nears.detector"]\n'
        '  "vad" [label="vad\\nears.detector\\nor ears.detector\\nor ears.detector"]\n'
        '  "end" [label="end\\nears.detector"]\n'
        '  "resample" [label="resample\\nmedia.resample", shape=ellipse]\n'
        '  "caller" -> "resample" [label="Sound", penwidth=1]\n'
        '  "resample" -> "vad" [label="Sound", penwidth=1]\n'
        '  "vad" -> "end" [label="Sound, Words\\n200ms or 8, drop_oldest", penwidth=3]\n'
        '  "end" -> "caller" [label="PlaybackProgress", style=dashed, constraint=false]\n'
        '  "end" -> "vad" [label="PlaybackProgress", style=dashed, constraint=false]\n'
        "}\n"
    )


def test_drawings_are_independent_of_event_order(plan: Plan) -> None:
    """A drawing that changes by itself makes every diff a riddle."""
    turned = replace(plan, feedback=tuple(reversed(plan.feedback)))
    assert mermaid(turned) == mermaid(plan)
    assert dot(turned) == dot(plan)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_dot_output_is_accepted_by_graphviz(plan: Plan) -> None:
    """Not only we think that it is DOT."""
    subprocess.run(["dot", "-Tsvg"], input=dot(plan).encode(), capture_output=True, check=True)
