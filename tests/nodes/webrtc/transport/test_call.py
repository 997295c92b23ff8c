"""What every connection does, whatever it is made of."""

from __future__ import annotations

import asyncio

from nodes.packets import TextInput
from nodes.webrtc.protocol import Flush, decode_from_server
from nodes.webrtc.transport.call import MAX_UNREAD, CallTransport, ClientEvent


class Wire(CallTransport):
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
        """Is told what the client writes."""
        assert isinstance(event, TextInput)
        self.read.append(event.text)


def test_call_transport_keeps_messages_until_the_graph_runs() -> None:
    """A client that writes as soon as it is connected is answered, however long the graph takes to open."""
    line = Wire()
    for number in range(MAX_UNREAD + 4):
        line.write(TextInput(str(number)))
    line.listen(line.note)
    assert line.read == [], "its nodes are not all open yet"
    line.start()
    line.write(TextInput("now"))
    assert line.read == [*map(str, range(4, MAX_UNREAD + 4)), "now"], "the oldest go: memory is bounded"


def test_call_transport_drops_messages_after_the_graph_has_closed() -> None:
    """A node that is closed is not called."""
    line = Wire()
    line.start()
    line.listen(line.note)
    line.listen(None)
    line.write(TextInput("late"))
    assert line.read == []


def test_call_transport_sends_text_and_has_no_face_without_audio() -> None:
    """The sink asks before it sends frames."""
    line = Wire()
    line.send(Flush(3))
    assert [decode_from_server(text) for text in line.sent] == [Flush(3)]
    assert not line.has_face and line.rtp_origin is None
    line.end()
    assert line.ended.is_set()
    asyncio.run(line.close())
