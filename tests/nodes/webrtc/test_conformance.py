"""The caller's ends keep the rules that every node keeps."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.webrtc import sink, source
from nodes.webrtc.sink import WebRtcSink
from pipeline.cause import Cause
from pipeline.testing import conformance
from tests.nodes.webrtc.fakes import FakePeer, frames, speech


def feed(cause: Cause) -> dict[str, Any]:
    """Two sentences and their faces."""
    said = [speech(cause, 0.2), speech(cause, 0.2, pts=200_000_000, last=True)]
    return {"audio": said, "avatar": [frames(cause, 10), frames(cause, 10, pts=200_000_000)]}


def test_webrtc_sink_passes_conformance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "get", lambda call: FakePeer())
    conformance(lambda: WebRtcSink(call="call"), feed)


def test_webrtc_source_passes_conformance(monkeypatch: pytest.MonkeyPatch) -> None:
    def hung_up(call: str) -> FakePeer:
        peer = FakePeer()
        peer.ended.set()
        return peer

    monkeypatch.setattr(source, "get", hung_up)
    conformance(lambda: source.WebRtcSource(call="call"))
