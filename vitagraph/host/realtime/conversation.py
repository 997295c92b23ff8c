"""A session as a client of the Realtime API sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from nodes.packets import (
    PlaybackProgress,
    Sentence,
    Speech,
    SpeechEnd,
    SpeechStart,
    TextDelta,
    Transcript,
    TurnChanged,
)
from nodes.webrtc.protocol import Degraded, Recovered
from pipeline.events import NodeFailed, NodeRecovered
from pipeline.packet import Packet
from pipeline.runtime.bus import Bus
from vitagraph.host.realtime.client import MESSAGE_BYTES, Client
from vitagraph.host.realtime.exchanges import Exchanges
from vitagraph.host.realtime.items import Items
from vitagraph.host.realtime.recent import Recent
from vitagraph.host.realtime.session import Commands, SessionInfo
from vitagraph.host.realtime.trouble import Troubles
from vitagraph.host.realtime.wire import Wire

_RECENT = 64
"""Packets of a kind within which the same one comes over other links."""


class Conversation:
    """Tells a client what happens in a session, and the session what the client wants.

    Synchronous: `send` is called, with the JSON text of one event, from within the calls below.
    `message_bytes` is how long an event of the client may be.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        session: SessionInfo,
        commands: Commands,
        message_bytes: int = MESSAGE_BYTES,
    ) -> None:
        salt = session.id.removeprefix("sess_")
        self._wire = Wire(send, salt)
        self._items = Items(self._wire)
        self._exchanges = Exchanges(self._wire, self._items)
        self._client = Client(self._wire, self._items, self._exchanges, session, commands, message_bytes)
        self._troubles = Troubles()
        self._salt = salt
        self._handlers: dict[type[Packet], Callable[[Any], None]] = {
            SpeechStart: self._speech_start,
            SpeechEnd: self._speech_end,
            Transcript: self._exchanges.transcript,
            TextDelta: self._text_delta,
            Sentence: self._sentence,
            Speech: self._speech,
        }
        self._recent = {kind: Recent(_RECENT) for kind in self._handlers}

    def open(self) -> None:
        """The client can hear: tells of the session, then of what happened before. A second time does nothing."""
        session = self._client.session
        created = session.resource()
        if session.client_secret is not None:
            created["client_secret"] = session.client_secret
        conversation = {"id": f"conv_{self._salt}", "object": "realtime.conversation"}
        self._wire.open(
            ("session.created", {"session": created}),
            ("conversation.created", {"conversation": conversation}),
        )

    def listen(self, bus: Bus) -> None:
        """Subscribes to what the session's nodes decide, play and fail at."""
        bus.of(TurnChanged).subscribe(self._exchanges.changed)
        bus.of(PlaybackProgress).subscribe(self._exchanges.played)
        bus.of(NodeFailed).subscribe(self._failed)
        bus.of(NodeRecovered).subscribe(self._recovered)

    def observe(self, _link: object, packet: Packet) -> None:
        """Called by the engine for every packet on every link."""
        handle = self._handlers.get(packet.__class__)
        if handle is None:
            return
        # Of a speech the stamp is as good as the packet, and holds no samples.
        identity = packet.at if packet.__class__ is Speech else packet
        if self._recent[packet.__class__].new(identity):
            handle(packet)

    def receive(self, text: str) -> None:
        """Acts on a client's message; what is wrong with it is answered by an `error` event."""
        self._client.receive(text)

    def response_of(self, cause_id: int) -> str | None:
        """The `response.id` of the answer to a cause, where that is one of the latest."""
        return self._exchanges.response_of(cause_id)

    def fail(self, message: str) -> None:
        """Tells of a fault of this side after which the call cannot go on, in words for the person."""
        error = {"type": "server_error", "code": "session_failed", "message": message, "param": None, "event_id": None}
        self._wire.emit("error", error=error)

    def end(self) -> None:
        """The call is over: ends the answer that is under way, and sends nothing after that."""
        self._exchanges.end()
        self._wire.close()

    # --- what happens

    def _speech_start(self, packet: SpeechStart) -> None:
        self._exchanges.hearing.started(packet.at.pts)

    def _speech_end(self, packet: SpeechEnd) -> None:
        self._exchanges.hearing.stopped(packet.at.pts)

    def _text_delta(self, packet: TextDelta) -> None:
        self._exchanges.text(packet, packet.text, apart=False)

    def _sentence(self, packet: Sentence) -> None:
        self._exchanges.text(packet, packet.shown or packet.text, apart=True)

    def _speech(self, packet: Speech) -> None:
        self._exchanges.text(packet, packet.text, apart=True)

    def _failed(self, event: NodeFailed) -> None:
        if not event.answered_by:
            self._exchanges.failed()
        self._tell(self._troubles.news(event))

    def _recovered(self, event: NodeRecovered) -> None:
        self._tell(self._troubles.good_news(event))

    def _tell(self, news: Degraded | Recovered | None) -> None:
        if news is not None:
            fields = msgspec.to_builtins(news)
            self._wire.emit(fields.pop("type"), **fields)
