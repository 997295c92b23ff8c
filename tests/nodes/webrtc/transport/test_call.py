"""What all call transports have in common."""

from __future__ import annotations

import asyncio

from nodes.packets import TextInput
from nodes.webrtc.protocol import Flush, decode_from_server
from nodes.webrtc.transport.call import MAX_UNREAD, CallTransport, ClientEvent


class RecordingTransport(CallTransport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.read: list[str] = []

    def send_text(self, text: str) -> None:
        """Keeps it."""
        self.sent.append(text)

    def send_avatar(self, batch: bytes) -> None:
        """It has no face."""

    async def close(self) -> None:
        """It has nothing."""

    def note(self, event: ClientEvent) -> None:
        """Records what the client writes."""
        assert isinstance(event, TextInput)
        self.read.append(event.text)


def test_call_transport_keeps_messages_until_the_graph_runs() -> None:
    """A client may write as soon as it is connected, before the graph has opened."""
    transport = RecordingTransport()
    for number in range(MAX_UNREAD + 4):
        transport.write(TextInput(str(number)))
    transport.listen(transport.note)
    assert transport.read == [], "its nodes are not all open yet"
    transport.start()
    transport.write(TextInput("now"))
    assert transport.read == [*map(str, range(4, MAX_UNREAD + 4)), "now"], "the oldest go: memory is bounded"


def test_call_transport_drops_messages_after_the_graph_has_closed() -> None:
    """A node that is closed is not called."""
    transport = RecordingTransport()
    transport.start()
    transport.listen(transport.note)
    transport.listen(None)
    transport.write(TextInput("late"))
    assert transport.read == []


def test_call_transport_sends_text_and_has_no_face_without_audio() -> None:
    """The sink asks before it sends frames."""
    transport = RecordingTransport()
    transport.send(Flush(3))
    assert [decode_from_server(text) for text in transport.sent] == [Flush(3)]
    assert not transport.has_face and transport.rtp_origin is None
    transport.end()
    assert transport.ended.is_set()
    asyncio.run(transport.close())
