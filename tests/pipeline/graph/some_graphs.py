"""Graphs of the small nodes, and short ways to load them in tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.errors import GraphError
from pipeline.graph.graph import Graph
from pipeline.graph.loader import loads
from pipeline.graph.registry import Registry

NODES = "tests.pipeline.graph.some_nodes"
DATA = Path(__file__).parents[2] / "data" / "graphs"
REGISTRY = Registry("tests.pipeline.graph.some", {"rate": f"{NODES}:Resampler"}, installed=False)

EMPTY: Mapping[str, str] = {}

CONVERSATION = f"""\
# For tests.
vitagraph: 1
description: A conversation.
params:
  model: tiny
  times: 3
budget:
  voice_to_voice: 700ms
x-usual: &usual
  release: 200ms
  weight: 0.25
nodes:
  caller: {NODES}:Microphone
  vad:
    use: {NODES}:Detector
    <<: *usual
    aggressiveness: 1
    label: "${{model}} x${{times}}"
    fallback: ears.detector
  asr:
    use: {NODES}:Recognizer
    description: Listens.
    model: ${{model}}
    fallback:
      - use: {NODES}:Recognizer
        model: ${{env:MODEL:-base}}
      - {NODES}:Sorry
  voice:
    use: {NODES}:Voice
    model: joe
  speaker: {NODES}:Speaker
links:
  - caller -> vad -> asr -> voice -> speaker.sound
  - {{from: asr.text, to: speaker.caption, queue: {{time: 2s, count: 4, full: latest}}}}
on_error: end
"""


def graph(
    text: str, settings: Mapping[str, str] = EMPTY, environment: Mapping[str, str] = EMPTY, path: Path = Path("g.yaml")
) -> Graph:
    """The graph of a text."""
    return loads(text, registry=REGISTRY, path=path, settings=settings, environment=environment)


def of_nodes(body: str, rest: str = "") -> str:
    """A text whose nodes are these lines, each as it would stand under `nodes:`."""
    lines = "".join(f"  {line}\n" for line in body.splitlines())
    return f"vitagraph: 1\n{rest}nodes:\n{lines}"


def detector(*lines: str, rest: str = "") -> str:
    """A text with one detector, `vad`, that has these parameters."""
    return of_nodes("\n".join([f"vad:\n  use: {NODES}:Detector", *(f"  {line}" for line in lines)]), rest)


def error(
    text: str, settings: Mapping[str, str] = EMPTY, environment: Mapping[str, str] = EMPTY, path: Path = Path("g.yaml")
) -> GraphError:
    """What is said of a text that is wrong."""
    with pytest.raises(GraphError) as raised:
        graph(text, settings, environment, path)
    return raised.value
