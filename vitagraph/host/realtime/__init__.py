"""A call as a client of the OpenAI Realtime API sees it: its events, and what each means to a graph."""

from __future__ import annotations

from vitagraph.host.realtime.conversation import Conversation
from vitagraph.host.realtime.session import Commands, SessionInfo

__all__ = ["Commands", "Conversation", "SessionInfo"]
