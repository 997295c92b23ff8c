"""The settings of a call, and what a client can ask of its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nodes.webrtc.protocol import Network


class Commands(Protocol):
    """What a client's events do to the session; none of the methods raises."""

    def send_text(self, text: str) -> bool:
        """Gives the graph what the user typed; returns False if it takes no text."""

    def cancel_response(self) -> None:
        """Stops the response that is being made or played."""

    def rate_response(self, response: str, value: int) -> None:
        """Records the user's rating of a response, 1 or -1."""

    def tell_network(self, measured: Network) -> None:
        """Records what the client measured of its network."""

    def change_instructions(self, instructions: str) -> None:
        """Replaces the instructions of the chat model, from its next response on."""

    def hang_up(self, reason: str) -> None:
        """Ends the call soon; `reason` is for the log."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The settings in force."""

    id: str
    """Begins with `sess_`; the ids of the call's events are derived from it, so they are unique."""
    graph: str
    instructions: str = ""
    """In place of the chat model's own; empty to leave those."""
    voice: str = ""
    client_secret: Mapping[str, Any] | None = None
    """With which the client can reconnect: `value`, and `expires_at` in seconds since 1970."""
    instructions_locked: bool = False
    """Whether a client secret fixes the instructions, so that the client cannot change them."""

    def resource(self) -> dict[str, Any]:
        """The API's session object. Turns are detected by voice and words, which the API calls `semantic_vad`."""
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
