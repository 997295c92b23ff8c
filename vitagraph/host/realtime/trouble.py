"""What a person is told when a part of the conversation fails."""

from __future__ import annotations

from nodes.webrtc.protocol import Degraded, Recovered
from pipeline.errors import Category
from pipeline.events import NodeFailed, NodeRecovered

MOST_NAME = 64
"""Characters of a node's name that are told."""

_WHY: dict[Category, str] = {
    "network": "A service that is needed does not answer",
    "resource": "Something that is needed is used up or missing",
    "dependency": "Something that is needed is missing",
    "user_input": "Something could not be understood",
    "unknown": "Something went wrong",
}


class Troubles:
    """Which nodes are not what they should be. A node that fails again and again is told of once."""

    def __init__(self) -> None:
        self._members: dict[str, str] = {}

    def news(self, failure: NodeFailed) -> Degraded | None:
        """What to tell, or None where the client knows. Never the failure's own words: they are for operators."""
        if self._members.get(failure.node) == failure.answered_by:
            return None
        self._members[failure.node] = failure.answered_by
        why = _WHY.get(failure.category, _WHY["unknown"])
        how = (
            "a simpler stand-in takes over, and the conversation goes on."
            if failure.answered_by
            else "and nothing can stand in for it. If no answer comes, please say it again."
        )
        message = f"{why}: {how}" if failure.answered_by else f"{why}, {how}"
        return Degraded(failure.node[:MOST_NAME], failure.answered_by[:MOST_NAME], message)

    def good_news(self, recovery: NodeRecovered) -> Recovered | None:
        """What to tell of a node that is well again; None where the client never knew that it was not."""
        return Recovered(recovery.node[:MOST_NAME]) if self._members.pop(recovery.node, None) is not None else None
