"""A session as a client of the Realtime API sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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
from pipeline.errors import Category
from pipeline.events import FailureReason, NodeFailed, NodeRecovered
from pipeline.packet import Packet
from pipeline.runtime.bus import Bus
from vitagraph.host.realtime.client import MESSAGE_BYTES, Client
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import Items
from vitagraph.host.realtime.response_tracker import ResponseTracker
from vitagraph.host.realtime.session import Commands, SessionInfo

MOST_NAME = 64
"""Characters of a node's name that are sent."""

NOTICES: Mapping[FailureReason, str] = {
    "limit": "Answering briefly: there are many callers.",
    "opening": "Still warming up: answers are simpler for a moment.",
}
"""What a client is told when another member answers although the first one has no fault."""
CAUSES: dict[Category, str] = {
    "network": "A service that is needed does not answer",
    "resource": "Something that is needed is used up or missing",
    "dependency": "Something that is needed is missing",
    "user_input": "Something could not be understood",
    "unknown": "Something went wrong",
}


class Conversation:
    """Tells a client what happens in a session, and the session what the client asks for.

    Synchronous: `send` is called with the JSON text of one event from within the methods.
    `message_bytes` is the longest event of the client, `now` the clock of its rates, in seconds.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        session: SessionInfo,
        commands: Commands,
        message_bytes: int = MESSAGE_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        salt = session.id.removeprefix("sess_")
        self._writer = EventWriter(send, salt)
        self._items = Items(self._writer)
        self._responses = ResponseTracker(self._writer, self._items)
        self._client = Client(self._writer, self._items, self._responses, session, commands, message_bytes, now)
        self._degradation = Degradation()
        self._salt = salt
        self._handlers: dict[type[Packet], Callable[[Any], None]] = {
            SpeechStart: self._speech_start,
            SpeechEnd: self._speech_end,
            Transcript: self._responses.transcript,
            TextDelta: self._text_delta,
            Sentence: self._sentence,
            Speech: self._speech,
        }

    def open(self) -> None:
        """The client's channel is open: sends the session, then what happened before; a second call does nothing."""
        session = self._client.session
        created = session.resource()
        if session.client_secret is not None:
            created["client_secret"] = session.client_secret
        conversation = {"id": f"conv_{self._salt}", "object": "realtime.conversation"}
        self._writer.open(
            ("session.created", {"session": created}),
            ("conversation.created", {"conversation": conversation}),
        )

    def listen(self, bus: Bus) -> None:
        """Subscribes to the session's turns, playback and failures."""
        bus.of(TurnChanged).subscribe(self._responses.changed)
        bus.of(PlaybackProgress).subscribe(self._responses.played)
        bus.of(NodeFailed).subscribe(self._failed)
        bus.of(NodeRecovered).subscribe(self._recovered)

    def observe(self, packet: Packet) -> None:
        """Takes an output of any node; an irrelevant kind costs one look-up."""
        handle = self._handlers.get(packet.__class__)
        if handle is not None:
            handle(packet)

    def receive(self, text: str) -> None:
        """Acts on a client's message; answers with an `error` event if it is invalid."""
        self._client.receive(text)

    def response_of(self, cause_id: int) -> str | None:
        """The `response.id` for a cause; None if it is not one of the latest causes."""
        return self._responses.response_of(cause_id)

    def cause_of(self, response: str) -> int | None:
        """The cause of one of the latest responses."""
        return self._responses.cause_of(response)

    def fail(self, message: str, code: str = "session_failed") -> None:
        """Sends the error after which the call cannot go on; `message` is for the user."""
        error = {"type": "server_error", "code": code, "message": message, "param": None, "event_id": None}
        self._writer.emit("error", error=error)

    def end(self) -> None:
        """The call is over: ends the active response, and sends nothing after that."""
        self._responses.end()
        self._writer.close()

    # --- what happens

    def _speech_start(self, packet: SpeechStart) -> None:
        self._responses.input_audio.started(packet.at.pts)

    def _speech_end(self, packet: SpeechEnd) -> None:
        self._responses.input_audio.stopped(packet.at.pts)

    def _text_delta(self, packet: TextDelta) -> None:
        self._responses.text(packet, packet.text, separate=False)

    def _sentence(self, packet: Sentence) -> None:
        self._responses.text(packet, packet.shown or packet.text, separate=True)

    def _speech(self, packet: Speech) -> None:
        self._responses.text(packet, packet.text, separate=True)

    def _failed(self, event: NodeFailed) -> None:
        if not event.answered_by:
            self._responses.failed()
        self._send(self._degradation.failed(event))

    def _recovered(self, event: NodeRecovered) -> None:
        self._send(self._degradation.recovered(event))

    def _send(self, notice: Degraded | Recovered | None) -> None:
        if notice is not None:
            fields = msgspec.to_builtins(notice)
            self._writer.emit(fields.pop("type"), **fields)


class Degradation:
    """Which nodes are degraded, as the client knows it; repeated failures give one notice."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[str, int, FailureReason]] = {}
        """By node: the member that serves it now, empty if none does; its rung; why."""

    def failed(self, failure: NodeFailed) -> Degraded | None:
        """The notice for a failure; None if it brings no change. The failure's own message is for operators only.

        A failed stand-in of a node whose first member works is no change.
        """
        if failure.answered_by and not failure.rung:
            return None
        now = (failure.answered_by, failure.rung, failure.reason)
        if self._members.get(failure.node) == now:
            return None
        self._members[failure.node] = now
        if failure.answered_by and (notice := NOTICES.get(failure.reason)):
            return Degraded(failure.node[:MOST_NAME], failure.answered_by[:MOST_NAME], notice, failure.rung)
        cause = CAUSES.get(failure.category, CAUSES["unknown"])
        message = (
            f"{cause}: a simpler stand-in takes over, and the conversation goes on."
            if failure.answered_by
            else f"{cause}, and nothing can stand in for it. If no answer comes, please say it again."
        )
        return Degraded(failure.node[:MOST_NAME], failure.answered_by[:MOST_NAME], message, failure.rung)

    def recovered(self, recovery: NodeRecovered) -> Recovered | None:
        """The notice for a recovery; None if the client did not know of a failure."""
        return Recovered(recovery.node[:MOST_NAME]) if self._members.pop(recovery.node, None) is not None else None
