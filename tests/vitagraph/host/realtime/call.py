"""A call without a network: a script plays the session, and what the client would get is kept."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_args

import numpy as np
from openai.types.realtime import realtime_server_event
from pydantic import TypeAdapter

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
from nodes.webrtc.protocol import Network
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.errors import Category
from pipeline.events import NodeFailed
from pipeline.packet import MILLISECOND, Packet, Stamp
from pipeline.runtime.bus import Bus
from pipeline.runtime.virtual import VirtualLoop
from vitagraph.host.realtime import Conversation, SessionInfo

Event = dict[str, Any]


class Asked:
    """What the client asked of the session."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.cancelled = 0
        self.rated: list[tuple[str, int]] = []
        self.measured: list[Network] = []
        self.instructed: list[str] = []
        self.hung_up: list[str] = []
        self.takes_text = True

    def send_text(self, text: str) -> bool:
        """Remembers it."""
        self.said.append(text)
        return self.takes_text

    def cancel_response(self) -> None:
        """Counts it."""
        self.cancelled += 1

    def tell_network(self, measured: Network) -> None:
        """Remembers it."""
        self.measured.append(measured)

    def rate_response(self, response: str, value: int) -> None:
        """Remembers it."""
        self.rated.append((response, value))

    def change_instructions(self, instructions: str) -> None:
        """Remembers it."""
        self.instructed.append(instructions)

    def hang_up(self, reason: str) -> None:
        """Remembers why."""
        self.hung_up.append(reason)


class Call:
    """Both ends of a conversation. Times are in milliseconds."""

    def __init__(self, *, opened: bool = True, locked: bool = False) -> None:
        self.sent: list[str] = []
        self.asked = Asked()
        self.causes = Causes()
        loop = VirtualLoop()
        loop.close()
        self.bus = Bus(_raise, Clock(loop))
        session = SessionInfo("sess_cafe", "assistant", "Be kind.", "joe", instructions_locked=locked)
        self.time = 0.0
        """Seconds on the clock of the client's rates."""
        self.pace = 2.0
        """Seconds from one event of the client to the next."""
        self.conversation = Conversation(self.sent.append, session, self.asked, now=lambda: self.time)
        self.conversation.listen(self.bus)
        if opened:
            self.conversation.open()

    # --- what happens

    def pass_on(self, packet: Packet) -> None:
        """A node gives the packet."""
        self.conversation.observe(packet)

    def speak(self, start: int = 1000, end: int = 2000) -> Cause:
        """The person says something; the cause of the turn that it may be."""
        self.begin(start)
        cause = self.causes.begin("turn")
        self.silence(end)
        self.change("tentative", cause)
        return cause

    def begin(self, at: int) -> None:
        """The person begins to speak."""
        self.pass_on(SpeechStart(self.stamp(self.causes.root, at)))

    def silence(self, at: int) -> None:
        """The person falls silent."""
        self.pass_on(SpeechEnd(self.stamp(self.causes.root, at)))

    def hear(self, cause: Cause, text: str, *, whole: bool = True, answer: str = "") -> None:
        """The speech recognition has a transcript."""
        self.pass_on(Transcript(self.stamp(cause, 1000, 1000), text, whole, answer=answer))

    def stream(self, cause: Cause, *pieces: str) -> None:
        """The dialogue answers."""
        for piece in pieces:
            self.pass_on(TextDelta(self.stamp(cause), piece))

    def sentence(self, cause: Cause, text: str, shown: str = "") -> None:
        """A sentence is cut."""
        self.pass_on(Sentence(self.stamp(cause), text, shown))

    def speech(self, cause: Cause, text: str) -> None:
        """A sentence is spoken."""
        self.pass_on(Speech(self.stamp(cause), np.zeros(4, np.int16), 16_000, text))

    def change(self, what: str, cause: Cause, reason: str = "") -> None:
        """The turn node decides; the cause dies as it would."""
        if what == "committed":
            self.causes.commit(cause)
        self.bus.post(TurnChanged(0, cause, what, 0, reason))
        if what in {"interrupted", "revoked", "resumed"}:
            self.causes.revoke(cause, "turn")

    def play(self, cause: Cause) -> None:
        """A speech begins to be heard."""
        self.bus.post(PlaybackProgress(cause, "", 0, ended=False, last=False))

    def played(self, cause: Cause, text: str, position: int = 800, *, last: bool = False) -> None:
        """A speech is over."""
        self.bus.post(PlaybackProgress(cause, text, position * MILLISECOND, ended=True, last=last))

    def answer(self, cause: Cause, *sentences: str) -> None:
        """An answer is made and heard to its end."""
        self.stream(cause, " ".join(sentences), "")
        for number, sentence in enumerate(sentences, 1):
            self.sentence(cause, sentence)
            self.speech(cause, sentence)
            self.play(cause)
            self.played(cause, sentence, last=number == len(sentences))

    def fail(self, node: str, by: str = "", category: Category = "network") -> None:
        """A node fails; `by` takes over."""
        told = "cannot reach 10.1.2.3 with key sk-123: /srv/models"
        self.bus.post(NodeFailed(0, node, f"{node}.first", category, told, "look there", by, int(bool(by))))

    def send(self, type: str, **fields: Any) -> None:
        """The client sends an event, a while after the one before."""
        self.time += self.pace
        self.conversation.receive(json.dumps({"type": type, "event_id": "event_client", **fields}))

    def type_text(self, text: str) -> None:
        """The client adds what the person typed."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.send("conversation.item.create", item=item)

    @staticmethod
    def stamp(cause: Cause, at: int = 0, duration: int = 0) -> Stamp:
        """A stamp in milliseconds."""
        return Stamp(at * MILLISECOND, duration * MILLISECOND, cause)

    # --- what came of it

    @property
    def events(self) -> list[Event]:
        """All that was sent, each checked against the API's own types."""
        events = [json.loads(text) for text in self.sent]
        for event in events:
            check(event)
        assert len({event.get("event_id") for event in events}) == len(events)
        return events

    @property
    def types(self) -> list[str]:
        """Their types, without the two that begin every call."""
        types = [event["type"] for event in self.events]
        return types[2:] if types[:1] == ["session.created"] else types

    def all(self, type: str) -> list[Event]:
        """Every event of a type."""
        return [event for event in self.events if event["type"] == type]

    def one(self, type: str) -> Event:
        """The only event of a type."""
        (event,) = self.all(type)
        return event

    def error(self) -> Event:
        """What the last error says."""
        error: Event = self.all("error")[-1]["error"]
        return error


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """The API's type of each event."""
    union = get_args(realtime_server_event.RealtimeServerEvent)[0]
    return {get_args(kind.model_fields["type"].annotation)[0]: TypeAdapter(kind) for kind in get_args(union)}


def check(event: Event) -> None:
    """Raises where a client of the API would not understand an event; ours are not for it."""
    assert event["event_id"].startswith("event_")
    if not event["type"].startswith("vitagraph."):
        _adapters()[event["type"]].validate_python(event)


def _raise(error: Exception, _kind: object) -> None:
    raise error
