"""The person's side: when they speak, what was a turn, and its words."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.packets import Transcript
from pipeline.packet import MILLISECOND, SECOND
from vitagraph.host.realtime.items import Items, spoken
from vitagraph.host.realtime.wire import Wire

UNHEARD = {
    "type": "server_error",
    "code": "not_understood",
    "message": "Nobody could make out what was said.",
}


@dataclass(slots=True)
class Words:
    """What is known of the words of one turn."""

    item: str | None = None
    """The item that they belong to; None until the turn is committed."""
    latest: Transcript | None = None
    told: str = ""
    """What the client has had of them, piece by piece."""
    over: bool = False
    """Whether the client has had all."""

    def note(self, transcript: Transcript) -> bool:
        """Takes a newer transcript; False where a whole one is known."""
        if self.latest is not None and self.latest.whole:
            return False
        self.latest = transcript
        return True

    @property
    def text(self) -> str | None:
        """All that was said, once that is known."""
        return self.latest.text.strip() if self.latest is not None and self.latest.whole else None


class Hearing:
    """Tells the client what the person does with their voice."""

    def __init__(self, wire: Wire, items: Items) -> None:
        self._wire = wire
        self._items = items
        self._item: str | None = None
        """Of the turn to come."""
        self._speaking = False
        self._announced = False
        """Whether the client waits to hear what becomes of a speech."""

    def started(self, pts: int) -> None:
        """They began to speak."""
        if self._speaking:
            return  # a detector that took over in the middle begins anew
        self._speaking = self._announced = True
        self._wire.emit("input_audio_buffer.speech_started", audio_start_ms=_ms(pts), item_id=self._next())

    def stopped(self, pts: int) -> None:
        """They fell silent."""
        if not self._speaking:
            return
        self._speaking, self._announced = False, True
        self._wire.emit("input_audio_buffer.speech_stopped", audio_end_ms=_ms(pts), item_id=self._next())

    def committed(self, words: Words) -> None:
        """It was a turn: here is its item, and the words as far as they are known."""
        words.item, before = self._next(), self._items.last
        self._item, self._announced = None, False
        self._wire.emit("input_audio_buffer.committed", item_id=words.item, previous_item_id=before)
        words.told = words.text or ""  # the item has it
        item = spoken(words.item, words.text)
        self._items.add(item)
        self._items.done(item)
        self.tell(words)

    def dismissed(self) -> bool:
        """It was no turn after all; whether the client had heard of it. The item is for the next one."""
        announced, self._announced = self._announced, False
        return announced

    def cleared(self) -> None:
        """Tells the client that nothing comes of what it heard."""
        self._wire.emit("input_audio_buffer.cleared")

    def tell(self, words: Words) -> None:
        """Tells what is new of a committed turn's words."""
        heard = words.latest
        if words.item is None or words.over or heard is None:
            return
        if heard.whole and not heard.text.strip() and heard.answer:
            self._end(words, "failed", error=UNHEARD)
            return
        text = heard.text.strip()
        if text.startswith(words.told) and text != words.told:
            delta, words.told = text[len(words.told) :], text
            self._wire.emit(
                "conversation.item.input_audio_transcription.delta",
                item_id=words.item,
                content_index=0,
                delta=delta,
            )
        if heard.whole:
            self._items.change(spoken(words.item, text))
            usage = {"type": "duration", "seconds": heard.at.duration / SECOND}
            self._end(words, "completed", transcript=text, usage=usage)

    def _end(self, words: Words, how: str, **fields: object) -> None:
        words.over = True
        self._wire.emit(
            f"conversation.item.input_audio_transcription.{how}", item_id=words.item, content_index=0, **fields
        )

    def _next(self) -> str:
        if self._item is None:
            self._item = self._wire.new("item")
        return self._item


def _ms(pts: int) -> int:
    return max(0, pts // MILLISECOND)
