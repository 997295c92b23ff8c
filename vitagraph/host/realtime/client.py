"""Reads a client's events and acts on them, or answers with an `error` event."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from nodes.webrtc.protocol import Network, Rating
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import Items, typed
from vitagraph.host.realtime.rate import EVENTS, RESPONSES, EventRate
from vitagraph.host.realtime.response_tracker import ResponseTracker
from vitagraph.host.realtime.session import Commands, SessionInfo

MESSAGE_BYTES = 64_000
"""The longest event in bytes of UTF-8, by default."""
MOST_TEXT = 8_000
"""Characters of typed text that may wait for a `response.create`."""
MOST_ID = 128
"""Characters of a client's id that are repeated in an answer."""

_ID = re.compile(r"[\w-]{1,128}", re.ASCII)


class InvalidEvent(Exception):
    """The event cannot be acted upon: a code for programs, and a message for the client's developer."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


class _Item(msgspec.Struct):
    type: str
    role: str | None = None
    content: list[_Part] = []
    id: str | None = None


class _Create(msgspec.Struct):
    item: _Item


class _Named(msgspec.Struct):
    item_id: str


class _Cancel(msgspec.Struct):
    response_id: str | None = None


class _Settings(msgspec.Struct):
    instructions: str | None = None


class _Update(msgspec.Struct):
    session: _Settings


M = TypeVar("M", bound=msgspec.Struct)
Event = dict[str, Any]


class Client:
    """Acts on the events of one client; nothing that it can send raises."""

    def __init__(
        self,
        writer: EventWriter,
        items: Items,
        responses: ResponseTracker,
        session: SessionInfo,
        commands: Commands,
        message_bytes: int = MESSAGE_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        """The settings in force."""
        self._writer = writer
        self._items = items
        self._responses = responses
        self._commands = commands
        self._message_bytes = message_bytes
        self._limits = EventRate(now)
        responses.on_completed = self._limits.response_completed
        self._typed: dict[str, str] = {}
        """Texts that wait for a `response.create`, by item id."""
        self._handlers: dict[str, Callable[[Event], None]] = {
            "session.update": self._update,
            "conversation.item.create": self._create,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.delete": self._delete,
            # The host knows better what was played; the client only repeats it.
            "conversation.item.truncate": lambda event: None,
            "response.create": self._respond,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._clear,
            "input_audio_buffer.append": _by_track,
            "input_audio_buffer.commit": _by_track,
            "input_audio_buffer.clear": _by_track,
            "vitagraph.rating": self._rate,
            "vitagraph.network": self._network,
        }

    def receive(self, text: str) -> None:
        """Acts on one message; answers with an `error` event if it cannot be read or done.

        Messages that come too fast are not read; they are answered with an error, and later with hanging up.
        """
        event: Any = None
        try:
            if not self._in_time(len(text)):
                return
            self._check_length(text)
            event = _decoded(text)
            self._handler(event)(event)
        except InvalidEvent as error:
            self._reject(error, event)

    def _in_time(self, length: int) -> bool:
        """Whether to read a message of so many characters; raises InvalidEvent if the client is to be warned."""
        match self._limits.take_event(length):
            case "hang_up":
                self._commands.hang_up("its client sent too many events")
            case "refuse":
                raise InvalidEvent(
                    "rate_limit_exceeded",
                    f"events come too fast: some were not read; send at most {EVENTS:.0f} a second, or the call ends",
                )
            case verdict:
                return verdict == "accept"
        return False

    def _check_length(self, text: str) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > self._message_bytes:
            raise InvalidEvent(
                "message_too_long", f"an event can have at most {self._message_bytes} bytes; it was not read"
            )

    def _handler(self, event: Event) -> Callable[[Event], None]:
        kind = event.get("type")
        if not isinstance(kind, str):
            raise InvalidEvent("missing_type", "an event needs a `type`, such as `response.create`", "type")
        if kind not in self._handlers:
            raise InvalidEvent(
                "unknown_event",
                f"there is no event of type `{kind[:MOST_ID]}` here; known are {', '.join(sorted(self._handlers))}",
                "type",
            )
        return self._handlers[kind]

    def _reject(self, error: InvalidEvent, event: Any) -> None:
        event_id = event.get("event_id") if isinstance(event, dict) else None
        self._writer.emit(
            "error",
            error={
                "type": "invalid_request_error",
                "code": error.code,
                "message": error.message,
                "param": error.param,
                "event_id": event_id[:MOST_ID] if isinstance(event_id, str) else None,
            },
        )

    # --- the session

    def _update(self, event: Event) -> None:
        wanted = _as(_Update, event).session.instructions
        if wanted is not None and wanted != self.session.instructions:
            if self.session.instructions_locked:
                raise InvalidEvent("locked_field", "the client secret fixes the instructions", "session.instructions")
            self.session = replace(self.session, instructions=wanted)
            self._commands.change_instructions(wanted)
        self._writer.emit("session.updated", session=self.session.resource())

    # --- items

    def _create(self, event: Event) -> None:
        item = _as(_Create, event).item
        text = _text_of(item)
        if len(text) + sum(map(len, self._typed.values())) > MOST_TEXT:
            raise InvalidEvent("text_too_long", f"at most {MOST_TEXT} characters can be typed at once", "item.content")
        if item.id is not None and (not _ID.fullmatch(item.id) or item.id in self._typed or self._items.get(item.id)):
            raise InvalidEvent("invalid_item_id", "an id must be new, and of letters, digits, `_` and `-`", "item.id")
        made = typed(item.id or self._writer.new_id("item"), text)
        self._typed[made["id"]] = text
        self._items.add(made)
        self._items.done(made)

    def _retrieve(self, event: Event) -> None:
        item = self._items.get(_as(_Named, event).item_id)
        if item is None:
            raise InvalidEvent("item_not_found", "there is no such item among the latest of this call", "item_id")
        self._writer.emit("conversation.item.retrieved", item=item)

    def _delete(self, event: Event) -> None:
        id = _as(_Named, event).item_id
        if self._typed.pop(id, None) is None:
            raise InvalidEvent(
                "item_not_deletable", "only typed items that were not answered yet can be deleted", "item_id"
            )
        self._items.delete(id)

    # --- responses

    def _respond(self, event: Event) -> None:
        if not self._typed:
            raise InvalidEvent(
                "response_create_without_text",
                "there is no text to answer: send a `conversation.item.create` with a user's `input_text` first; "
                "speech is answered without a `response.create`",
            )
        if not self._limits.take_response():
            raise InvalidEvent(
                "rate_limit_exceeded",
                f"responses are asked for too fast: at most one in {1 / RESPONSES:.0f} s, unless they are heard",
            )
        text = "\n".join(self._typed.values())
        self._typed.clear()
        if not self._commands.send_text(text):
            raise InvalidEvent("text_not_supported", f"the graph `{self.session.graph}` takes no text, only speech")

    def _cancel(self, event: Event) -> None:
        wanted, current = _as(_Cancel, event).response_id, self._responses.cancellable
        if current is None or (wanted is not None and wanted != current.id):
            raise InvalidEvent("response_cancel_not_active", "there is no such response to cancel", "response_id")
        self._commands.cancel_response()

    def _clear(self, event: Event) -> None:
        if self._responses.cancellable is not None:
            self._commands.cancel_response()

    def _rate(self, event: Event) -> None:
        rating = _as(Rating, event)
        if not self._responses.knows(rating.response):
            raise InvalidEvent(
                "response_not_found", "there is no such response among the latest of this call", "response"
            )
        self._commands.rate_response(rating.response, rating.value)

    def _network(self, event: Event) -> None:
        measured = _as(Network, event)
        if self._responses.response_of(measured.cause) is not None:
            self._commands.tell_network(measured)


def _by_track(event: Event) -> None:
    raise InvalidEvent("audio_by_track", "audio comes by the track of a WebRTC call, not by events", "type")


def _decoded(text: str) -> Event:
    try:
        event = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidEvent("invalid_json", f"this is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidEvent("invalid_json", "this JSON is nested too deeply") from error
    if not isinstance(event, dict):
        raise InvalidEvent("invalid_event", "an event is a JSON object with a `type`")
    return event


def _as(kind: type[M], event: Event) -> M:
    try:
        return msgspec.convert(event, kind)
    except msgspec.ValidationError as error:
        _, _, where = str(error).partition(" - at `$.")
        raise InvalidEvent("invalid_value", str(error), where.rstrip("`") or None) from error


def _text_of(item: _Item) -> str:
    """The text of a typed item; raises InvalidEvent if it is another kind of item."""
    if item.type != "message" or item.role != "user":
        raise InvalidEvent("unsupported_item", "only messages of the role `user` can be created", "item.type")
    if any(part.type != "input_text" for part in item.content):
        raise InvalidEvent("unsupported_content", "a message can only have parts of type `input_text`", "item.content")
    text = "\n".join(part.text or "" for part in item.content)
    if not text.strip():
        raise InvalidEvent("empty_text", "there is no text in the message", "item.content")
    return text
