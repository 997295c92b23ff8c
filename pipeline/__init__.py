"""The engine's public surface: the names of `pipeline.__all__` are stable, all else may change.

Each name is imported when it is first used, so that `import pipeline` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
"""By module, the public names that it defines."""

__all__ = sorted(name for names in _HOMES.values() for name in names.split())

if TYPE_CHECKING:  # each `as` re-exports the name
    from pipeline.caps import ANY as ANY, one_of as one_of, param as param, same as same
    from pipeline.cause import Cause as Cause, Causes as Causes
    from pipeline.clock import Clock as Clock
    from pipeline.compute.pool import Pooled as Pooled
    from pipeline.errors import (
        DependencyError as DependencyError,
        GraphError as GraphError,
        NetworkError as NetworkError,
        NodeError as NodeError,
        ResourceError as ResourceError,
        Stuck as Stuck,
        UserInputError as UserInputError,
        VitagraphError as VitagraphError,
    )
    from pipeline.events import Abandoned as Abandoned, Flushed as Flushed, NodeFailed as NodeFailed
    from pipeline.graph.loader import load as load
    from pipeline.graph.plan import Plan as Plan
    from pipeline.graph.planner import plan as plan
    from pipeline.graph.registry import Registry as Registry
    from pipeline.node import Node as Node, Service as Service, Sink as Sink, Source as Source, Transform as Transform
    from pipeline.packet import Event as Event, Packet as Packet, Queue as Queue, Stamp as Stamp
    from pipeline.params import (
        Duration as Duration,
        NoParams as NoParams,
        Params as Params,
        ms as ms,
        seconds as seconds,
    )
    from pipeline.port import Input as Input, Output as Output, Receives as Receives, Sends as Sends
    from pipeline.runtime.report import SessionReport as SessionReport
    from pipeline.runtime.runner import Runner as Runner
    from pipeline.runtime.session import Session as Session
    from pipeline.runtime.virtual import run_virtual as run_virtual

else:  # with it, no type checker would notice a misspelt name

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names.split():
                value = globals()[name] = getattr(importlib.import_module(f"pipeline.{home}"), name)
                return value
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
