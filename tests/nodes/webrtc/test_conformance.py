"""webrtc.source and webrtc.sink pass the conformance kit."""

from __future__ import annotations

from typing import Any

from nodes.webrtc.sink import WebRtcSink
from nodes.webrtc.source import WebRtcSource
from pipeline.cause import Cause
from pipeline.testing import conformance
from tests.nodes.webrtc.fakes import FakePeer, frames, speech


def feed(cause: Cause) -> dict[str, Any]:
    """Two sentences and their faces."""
    said = [speech(cause, 0.2), speech(cause, 0.2, pts=200_000_000, last=True)]
    return {"audio": said, "avatar": [frames(cause, 10), frames(cause, 10, pts=200_000_000)]}


def test_webrtc_sink_passes_conformance() -> None:
    conformance(WebRtcSink, feed, provide=lambda: [FakePeer()])


def test_webrtc_source_passes_conformance() -> None:
    def hung_up() -> list[FakePeer]:
        peer = FakePeer()
        peer.end()
        return [peer]

    conformance(WebRtcSource, provide=hung_up)
