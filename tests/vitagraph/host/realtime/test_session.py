"""What a call is set to."""

from __future__ import annotations

from openai.types.realtime import RealtimeSessionCreateRequest

from vitagraph.host.realtime.session import SessionInfo


def test_session_of_a_graph_without_a_voice_names_none() -> None:
    """An empty voice would be shown as one."""
    resource = SessionInfo("sess_1", "echo").resource()
    assert resource["audio"]["output"] == {}
    assert RealtimeSessionCreateRequest.model_validate(resource).model == "echo"
