"""The engine's public surface: what `pipeline.__all__` names may be relied on, all else may change.

Each name is imported when it is first used, so that `import pipeline` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.caps import ANY, one_of, param, same
    from pipeline.cause import Cause, Causes
    from pipeline.clock import Clock
    from pipeline.compute.pool import Pooled
    from pipeline.errors import (
        DependencyError,
        GraphError,
        NetworkError,
        NodeError,
        ResourceError,
        Stuck,
        UserInputError,
        VitagraphError,
    )
    from pipeline.events import Abandoned, Flushed, NodeFailed
    from pipeline.graph.loader import load
    from pipeline.graph.plan import Plan
    from pipeline.graph.planner import plan
    from pipeline.graph.registry import Registry
    from pipeline.node import Node, Service, Sink, Source, Transform
    from pipeline.packet import Event, Packet, Queue, Stamp
    from pipeline.params import Duration, NoParams, Params, ms, seconds
    from pipeline.port import Input, Output, Receives, Sends
    from pipeline.runtime.report import SessionReport
    from pipeline.runtime.runner import Runner
    from pipeline.runtime.session import Session
    from pipeline.runtime.virtual import run_virtual

__all__ = [
    "ANY",
    "Abandoned",
    "Cause",
    "Causes",
    "Clock",
    "DependencyError",
    "Duration",
    "Event",
    "Flushed",
    "GraphError",
    "Input",
    "NetworkError",
    "NoParams",
    "Node",
    "NodeError",
    "NodeFailed",
    "Output",
    "Packet",
    "Params",
    "Plan",
    "Pooled",
    "Queue",
    "Receives",
    "Registry",
    "ResourceError",
    "Runner",
    "Sends",
    "Service",
    "Session",
    "SessionReport",
    "Sink",
    "Source",
    "Stamp",
    "Stuck",
    "Transform",
    "UserInputError",
    "VitagraphError",
    "load",
    "ms",
    "one_of",
    "param",
    "plan",
    "run_virtual",
    "same",
    "seconds",
]

_HOMES = {
    "caps": "ANY one_of param same",
    "cause": "Cause Causes",
    "clock": "Clock",
    "compute.pool": "Pooled",
    "errors": "DependencyError GraphError NetworkError NodeError ResourceError Stuck UserInputError VitagraphError",
    "events": "Abandoned Flushed NodeFailed",
    "graph.loader": "load",
    "graph.plan": "Plan",
    "graph.planner": "plan",
    "node": "Node Service Sink Source Transform",
    "packet": "Event Packet Queue Stamp",
    "params": "Duration NoParams Params ms seconds",
    "port": "Input Output Receives Sends",
    "graph.registry": "Registry",
    "runtime.report": "SessionReport",
    "runtime.runner": "Runner",
    "runtime.session": "Session",
    "runtime.virtual": "run_virtual",
}


if not TYPE_CHECKING:  # with it, no type checker would notice a misspelt name

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names.split():
                value = globals()[name] = getattr(importlib.import_module(f"pipeline.{home}"), name)
                return value
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
