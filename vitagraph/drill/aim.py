"""The plan that a drill runs: its source reads the questions, what its sinks write goes to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from vitagraph.drill.question import write_questions
from vitagraph.replay.aim import FileEnds, find_ends


def aimed(graph: Path, folder: Path, question: Path | None, settings: Mapping[str, str]) -> Plan:
    """Writes the recording too; `question` is a recorded one, None lets a voice of the program ask."""
    recording, registry = write_questions(folder, question), FileEnds()
    ends = find_ends(graph, registry, settings)
    return plan(load(graph, registry=registry, settings={**settings, **ends.settings(recording, folder)}), registry)
