"""The assistant's side of a conversation: one response, from the first word of its text to the last one played."""

from __future__ import annotations

from typing import Any, Literal

from pipeline.packet import MILLISECOND
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import Items, Status, answer, in_language

MOST_TEXT = 64_000
"""Characters of one response that are sent; the rest is only spoken."""

State = Literal["prepared", "open", "over"]
Reason = Literal["turn_detected", "client_cancelled", ""]
Outcome = Literal["completed", "cancelled", "failed"]

NO_RESPONSE = {
    "type": "server_error",
    "code": "no_answer",
    "message": "The answer could not be made. Please say it again.",
}


class Response:
    """Sends the events of one response. Before `open` it only collects what is known."""

    def __init__(self, writer: EventWriter, items: Items) -> None:
        self.id = writer.new_id("resp")
        self.state: State = "prepared"
        self.failed = False
        """Whether a node without a fallback failed while it was made."""
        self.voiced = False
        """Whether speech was synthesised for it."""
        self.language = ""
        """The BCP 47 language of its text; empty if unknown."""
        self.reason: Reason | None = None
        """Why it is being cut off; how much of it was played is not known yet."""
        self._writer = writer
        self._items = items
        self._item = writer.new_id("item")
        self._announced = False
        """Whether the client knows the item."""
        self._text = ""
        self._played: list[str] = []
        self._length = 0
        """Nanoseconds played of the speeches that are over."""
        self._started = False
        self._playing = False

    @property
    def active(self) -> bool:
        """Whether it is open and not being cut off."""
        return self.state == "open" and self.reason is None

    @property
    def audible(self) -> bool:
        """Whether its playback has started."""
        return self._started

    def open(self) -> None:
        """Creates it for the client: its turn is committed, and no other response is active."""
        self.state = "open"
        self._writer.emit("response.created", response=self._resource("in_progress"))
        if self._text:
            self._announce()
            self._delta(self._text)

    def add_text(self, piece: str) -> None:
        """Adds a piece of its text; the pieces are concatenated."""
        piece = piece[: MOST_TEXT - len(self._text)] if self._text else piece.lstrip()[:MOST_TEXT]
        if not piece or self.state == "over" or self.reason is not None:
            return
        self._text += piece
        if self.state == "open":
            self._announce()
            self._delta(piece)

    def add_sentence(self, sentence: str) -> None:
        """Adds a piece of its text, separated by a space from the one before."""
        if sentence.strip():
            self.add_text(f" {sentence.strip()}" if self._text else sentence.strip())

    def speech_started(self) -> None:
        """The playback of one of its speeches starts."""
        self._playing = True
        if not self._started:
            self._started = True
            self._announce()
            self.playback_started()

    def playback_started(self) -> None:
        """Tells the client that it is being played: for the first time, or again after a pause."""
        self._writer.emit("output_audio_buffer.started", response_id=self.id)

    def speech_ended(self, text: str, position: int, *, last: bool) -> None:
        """The playback of a speech is over: the words played, for how many nanoseconds, and whether it was the last."""
        self._playing = False
        self._length += position
        if text.strip():
            self._played.append(text.strip())
        if self.reason is not None:
            self._cut()
        elif last:
            self._complete()

    def cancel(self, reason: Reason) -> None:
        """Cuts it off; the client is told once it is known how much was played."""
        if self.state == "prepared":
            self.state = "over"
        if self.state == "over" or self.reason is not None:
            return
        self.reason = reason
        if not self._playing:
            self._cut()

    def dismiss(self) -> None:
        """Ends it without words: the turn turned out to have none."""
        if self.state == "prepared":
            self.state = "over"
        elif self.state == "open" and not self._announced:
            self._over("completed", {"type": "completed"})

    def finish(self) -> None:
        """Ends it with what is known, if it is open."""
        if self.state == "open":
            self.reason = self.reason or ""
            self._cut()

    # --- its end

    def _complete(self) -> None:
        self._parts_done("completed")
        self._over("completed", {"type": "completed"})
        self._writer.emit("output_audio_buffer.stopped", response_id=self.id)

    def _cut(self) -> None:
        if self._started:
            self._writer.emit("output_audio_buffer.cleared", response_id=self.id)
        if self._announced:
            self._items.change(self._resource_item("incomplete"))
            self._writer.emit(
                "conversation.item.truncated",
                item_id=self._item,
                content_index=0,
                audio_end_ms=self._length // MILLISECOND,
            )
            self._parts_done("incomplete")
        if self.failed and not self.voiced and not self._started:
            self._over("failed", {"type": "failed", "error": NO_RESPONSE})
        else:
            self._over("cancelled", {"type": "cancelled", **({"reason": self.reason} if self.reason else {})})

    def _parts_done(self, status: Status) -> None:
        item = self._resource_item(status)
        part = {"type": "audio", "transcript": self.heard}
        self._emit("output_audio.done", content_index=0)
        # The whole text: a client compares it with the item, which has what was played, to see what was cut off.
        self._emit("output_audio_transcript.done", content_index=0, transcript=self._text, **in_language(self.language))
        self._emit("content_part.done", content_index=0, part=part)
        self._writer.emit("response.output_item.done", response_id=self.id, output_index=0, item=item)
        self._items.done(item)

    def _over(self, status: Outcome, details: dict[str, Any]) -> None:
        self.state = "over"
        self._writer.emit("response.done", response=self._resource(status, details))

    # --- events

    @property
    def heard(self) -> str:
        """What was played, with the spaces of the text if the words are the same."""
        return _as_written(" ".join(self._played), self._text)

    def _announce(self) -> None:
        if self._announced:
            return
        self._announced = True
        item = answer(self._item, "in_progress", None)
        self._writer.emit("response.output_item.added", response_id=self.id, output_index=0, item=item)
        self._items.add(item)
        self._emit("content_part.added", content_index=0, part={"type": "audio", "transcript": ""})

    def _delta(self, piece: str) -> None:
        self._emit("output_audio_transcript.delta", content_index=0, delta=piece, **in_language(self.language))

    def _emit(self, what: str, **fields: Any) -> None:
        self._writer.emit(f"response.{what}", response_id=self.id, item_id=self._item, output_index=0, **fields)

    def _resource_item(self, status: Status) -> dict[str, Any]:
        return answer(self._item, status, self.heard)

    def _resource(
        self, status: Outcome | Literal["in_progress"], details: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output_modalities": ["audio"],
            "output": [],
            "usage": None,
        }
        if status != "in_progress":
            item = self._resource_item("completed" if status == "completed" else "incomplete")
            resource["output"] = [item] if self._announced else []
            resource["usage"] = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
        return resource


def _as_written(heard: str, text: str) -> str:
    """The beginning of the text that has these words; the words themselves if the text has others."""
    position = 0
    for word in heard.split():
        while text[position : position + 1].isspace():
            position += 1
        if not text.startswith(word, position):
            return heard
        position += len(word)
    return text[:position]
