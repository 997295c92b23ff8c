"""The calls of this process, by name: how a graph's source and sink find theirs.

The host registers a connection before it starts the session whose nodes have that name as `call`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pipeline.errors import UserInputError
from pipeline.params import Params

if TYPE_CHECKING:
    from nodes.webrtc.transport.call import CallTransport

_calls: dict[str, CallTransport] = {}


class CallParams(Params):
    """Which call."""

    call: str = Field("", max_length=200)
    """The name of the call, which the host sets when it starts the session."""


def register(call: str, line: CallTransport) -> None:
    """Makes a connection known; raises ValueError where the name is taken."""
    if call in _calls:
        raise ValueError(f"there is a call {call!r} already")
    _calls[call] = line


def forget(call: str) -> None:
    """Removes a call; it may have gone already."""
    _calls.pop(call, None)


def get(call: str) -> CallTransport:
    """The connection of a call; raises UserInputError where there is none."""
    if call in _calls:
        return _calls[call]
    raise UserInputError(
        f"there is no call {call!r}" if call else "this node belongs to a call, and none was given",
        hint="webrtc.source and webrtc.sink run in a session that a call has started: bin/serve GRAPH, and call it; "
        "to run a graph over a file use `vitagraph replay GRAPH AUDIO`",
    )
