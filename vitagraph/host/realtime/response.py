"""The assistant's side: one answer, from the first word of its text to the last that is heard."""

from __future__ import annotations

from typing import Any, Literal

from pipeline.packet import MILLISECOND
from vitagraph.host.realtime.items import Items, Status, answer
from vitagraph.host.realtime.wire import Wire

MOST_TEXT = 64_000
"""Characters of one answer; what is more is heard, but not shown."""

State = Literal["prepared", "open", "over"]
Reason = Literal["turn_detected", "client_cancelled", ""]
Outcome = Literal["completed", "cancelled", "failed"]

NO_ANSWER = {
    "type": "server_error",
    "code": "no_answer",
    "message": "The answer could not be made. Please say it again.",
}


class Response:
    """Tells the client of one answer. Before `open`, what is known of it only waits."""

    def __init__(self, wire: Wire, items: Items) -> None:
        self.id = wire.new("resp")
        self.state: State = "prepared"
        self.failed = False
        """Whether something that nobody stood in for failed while it was made."""
        self.voiced = False
        """Whether speech was made of it."""
        self.reason: Reason | None = None
        """Why it is being cut off; how much of it was heard will be told in a moment."""
        self._wire = wire
        self._items = items
        self._item = wire.new("item")
        self._shown = False
        """Whether the client knows the item."""
        self._text = ""
        self._heard: list[str] = []
        self._length = 0
        """Nanoseconds that were played of the speeches that are over."""
        self._started = False
        self._playing = False

    @property
    def active(self) -> bool:
        """Whether the client may cancel it."""
        return self.state == "open" and self.reason is None

    @property
    def audible(self) -> bool:
        """Whether some of it has begun to be heard."""
        return self._started

    def open(self) -> None:
        """Its turn is committed, and nobody else is heard any more."""
        self.state = "open"
        self._wire.emit("response.created", response=self._resource("in_progress"))
        if self._text:
            self._show()
            self._delta(self._text)

    def say(self, piece: str) -> None:
        """A piece of its text; concatenated, the pieces are the whole."""
        piece = piece[: MOST_TEXT - len(self._text)] if self._text else piece.lstrip()[:MOST_TEXT]
        if not piece or self.state == "over" or self.reason is not None:
            return
        self._text += piece
        if self.state == "open":
            self._show()
            self._delta(piece)

    def say_sentence(self, sentence: str) -> None:
        """A piece of its text that is set apart from the one before."""
        if sentence.strip():
            self.say(f" {sentence.strip()}" if self._text else sentence.strip())

    def begins(self) -> None:
        """A speech of it begins to be heard."""
        self._playing = True
        if not self._started:
            self._started = True
            self._show()
            self.sounds()

    def sounds(self) -> None:
        """Tells that it is being heard: for the first time, or again after a pause."""
        self._wire.emit("output_audio_buffer.started", response_id=self.id)

    def ended(self, text: str, position: int, *, last: bool) -> None:
        """A speech is over: what was heard of it, for how many nanoseconds, and whether that was all."""
        self._playing = False
        self._length += position
        if text.strip():
            self._heard.append(text.strip())
        if self.reason is not None:
            self._cut()
        elif last:
            self._complete()

    def cancel(self, reason: Reason) -> None:
        """It is cut off; the client hears so when it is known how much was heard."""
        if self.state == "prepared":
            self.state = "over"
        if self.state == "over" or self.reason is not None:
            return
        self.reason = reason
        if not self._playing:
            self._cut()

    def needless(self) -> None:
        """Nothing was said that could be answered."""
        if self.state == "prepared":
            self.state = "over"
        elif self.state == "open" and not self._shown:
            self._over("completed", {"type": "completed"})

    def finish(self) -> None:
        """Ends it with what is known, where it has not ended yet."""
        if self.state == "open":
            self.reason = self.reason or ""
            self._cut()

    # --- the end

    def _complete(self) -> None:
        self._parts_done("completed")
        self._over("completed", {"type": "completed"})
        self._wire.emit("output_audio_buffer.stopped", response_id=self.id)

    def _cut(self) -> None:
        if self._started:
            self._wire.emit("output_audio_buffer.cleared", response_id=self.id)
        if self._shown:
            self._items.change(self._resource_item("incomplete"))
            self._wire.emit(
                "conversation.item.truncated",
                item_id=self._item,
                content_index=0,
                audio_end_ms=self._length // MILLISECOND,
            )
            self._parts_done("incomplete")
        if self.failed and not self.voiced and not self._started:
            self._over("failed", {"type": "failed", "error": NO_ANSWER})
        else:
            self._over("cancelled", {"type": "cancelled", **({"reason": self.reason} if self.reason else {})})

    def _parts_done(self, status: Status) -> None:
        item = self._resource_item(status)
        part = {"type": "audio", "transcript": self.heard}
        self._emit("output_audio.done", content_index=0)
        # All that was made: from it and the item, which has what was heard, a client sees what was cut off.
        self._emit("output_audio_transcript.done", content_index=0, transcript=self._text)
        self._emit("content_part.done", content_index=0, part=part)
        self._wire.emit("response.output_item.done", response_id=self.id, output_index=0, item=item)
        self._items.done(item)

    def _over(self, status: Outcome, details: dict[str, Any]) -> None:
        self.state = "over"
        self._wire.emit("response.done", response=self._resource(status, details))

    # --- what is sent

    @property
    def heard(self) -> str:
        """What the person heard, with the spaces of the text where the words are the same."""
        return _as_written(" ".join(self._heard), self._text)

    def _show(self) -> None:
        if self._shown:
            return
        self._shown = True
        item = answer(self._item, "in_progress", None)
        self._wire.emit("response.output_item.added", response_id=self.id, output_index=0, item=item)
        self._items.add(item)
        self._emit("content_part.added", content_index=0, part={"type": "audio", "transcript": ""})

    def _delta(self, piece: str) -> None:
        self._emit("output_audio_transcript.delta", content_index=0, delta=piece)

    def _emit(self, what: str, **fields: Any) -> None:
        self._wire.emit(f"response.{what}", response_id=self.id, item_id=self._item, output_index=0, **fields)

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
            resource["output"] = [item] if self._shown else []
            resource["usage"] = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
        return resource


def _as_written(heard: str, text: str) -> str:
    """The beginning of the text that has the words which were heard; the words alone where it has others."""
    position = 0
    for word in heard.split():
        while text[position : position + 1].isspace():
            position += 1
        if not text.startswith(word, position):
            return heard
        position += len(word)
    return text[:position]
