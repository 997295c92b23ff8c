"""A member of a node's chain in a running session, with what the engine keeps beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.node import Node
from pipeline.runtime.policy_store import MemberPolicy


@dataclass(slots=True, eq=False)
class RunningMember:
    """One opened member: the primary, a fallback, or a placeholder."""

    node: Node[Any]
    use: str = ""
    """Its class as the graph writes it; empty for a placeholder."""
    place: int = 0
    """Its position in the chain: 0 is the primary."""
    policy: MemberPolicy | None = None
    """Deadlines, retries and breaker; None where it is no service, or no policies apply."""
