"""The plan with which a graph reads a clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import RECORDED_CALL, REPLACEMENTS, FileRegistry, find_file_endpoints
from vitagraph.replay.recorded_call import rate_of


def plan_of(file: Path, clip: Clip, settings: Mapping[str, str], *, greet: bool = False) -> Plan:
    """The graph, planned to read the clip and to write to its folder; raises GraphError.

    The caller of a recorded call has heard the greeting, so there it is always said.
    """
    recording = clip.recording
    registry = FileRegistry(REPLACEMENTS if recording is None else RECORDED_CALL)
    ends = find_file_endpoints(file, registry, settings)
    given = ends.settings(clip.path, clip.folder, greet=greet or recording is not None)
    if recording is not None:
        rate = str(rate_of(recording))
        given |= {f"{end.name}.rate": rate for end in ends.sources if f"{end.name}.path" in given}
    return plan(load(file, registry=registry, settings={**settings, **given}), registry)
