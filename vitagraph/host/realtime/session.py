"""What a call is set to, and what a client can ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Commands(Protocol):
    """What a client's events do to the session; none of them raises."""

    def say(self, text: str) -> bool:
        """Answers what the person typed; False where the graph takes no text."""

    def hush(self) -> None:
        """Stops the answer that is being made or heard."""

    def rate(self, response: str, value: int) -> None:
        """Notes what the person thinks of an answer: 1 or -1."""

    def update(self, changes: Mapping[str, Any]) -> None:
        """Puts changed settings in force; only `instructions` comes."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is in force."""

    id: str
    """Begins with `sess_`; the ids of the call's events are made from it, so no two calls share one."""
    graph: str
    instructions: str = ""
    voice: str = ""
    client_secret: Mapping[str, Any] | None = None
    """What the client can come back with: `value`, and `expires_at` in seconds since 1970."""

    def resource(self) -> dict[str, Any]:
        """The API's session object. Turns are detected by voice and by words, which it calls semantic."""
        output = {"voice": self.voice} if self.voice else {}
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.id,
            "model": self.graph,
            "output_modalities": ["audio"],
            "instructions": self.instructions,
            "tools": [],
            "tool_choice": "none",
            "tracing": None,
            "audio": {
                "input": {
                    "noise_reduction": None,
                    "turn_detection": {"type": "semantic_vad", "create_response": True, "interrupt_response": True},
                },
                "output": output,
            },
        }
