"""What the metadata of a recording says about its session: the graph with its parameters, and versions."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.graph.graph import Member
from pipeline.graph.plan import Plan
from vitagraph.recording.messages import FORMAT

_PACKAGES = ("vitagraph", "mcap", "numpy", "onnxruntime")


def session_info(session: str, graph: str, instructions: str, plan: Plan) -> Mapping[str, str]:
    """The values of the record, all of them text; `plan` and `versions` are JSON.

    Parameters are written as they are in the graph; keys are not among them, since they come from the environment.
    """
    return {
        "format": str(FORMAT),
        "session": session,
        "graph": graph,
        "instructions": instructions,
        "plan": json.dumps(_described(plan)),
        "versions": json.dumps(_versions()),
    }


def _described(plan: Plan) -> dict[str, Any]:
    return {
        "params": dict(plan.graph.params),
        "nodes": {name: [_member(member) for member in node.members] for name, node in plan.nodes.items()},
        "links": [link.name for link in plan.links],
    }


def _member(member: Member) -> dict[str, Any]:
    return {"use": member.use, "params": member.params.model_dump(mode="json")}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout, or an extra that is not installed
            continue
    return found
