"""`vitagraph schema`."""

from __future__ import annotations

import json

from tests.vitagraph.conftest import Run


def test_schema_is_json_and_has_the_nodes(run: Run) -> None:
    """So that an editor can complete them."""
    schema = json.loads(run("schema").out)
    assert "vad.webrtc" in json.dumps(schema)
