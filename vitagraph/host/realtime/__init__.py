"""The OpenAI Realtime API over a session: translates between a client's events and those of a graph."""

from __future__ import annotations

from vitagraph.host.realtime.conversation import Conversation
from vitagraph.host.realtime.session import Commands, SessionInfo

__all__ = ["Commands", "Conversation", "SessionInfo"]
