"""The user's side of a conversation: when they speak, which speech is a turn, and its transcript."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.packets import Transcript
from pipeline.packet import MILLISECOND, SECOND
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import Items, in_language, spoken

NOT_UNDERSTOOD = {
    "type": "server_error",
    "code": "not_understood",
    "message": "What was said could not be understood.",
}


@dataclass(slots=True)
class TurnTranscript:
    """The transcript of one turn, and how much of it the client has."""

    item: str | None = None
    """The id of its item; None until the turn is committed."""
    latest: Transcript | None = None
    sent: str = ""
    """What was sent of it so far."""
    over: bool = False
    """Whether all of it was sent."""

    def update(self, transcript: Transcript) -> bool:
        """Takes a newer transcript; returns False if the final one is known already."""
        if self.latest is not None and self.latest.whole:
            return False
        self.latest = transcript
        return True

    @property
    def text(self) -> str | None:
        """The final text; None while it is not known."""
        return self.latest.text.strip() if self.latest is not None and self.latest.whole else None


class InputAudio:
    """Sends the `input_audio_buffer` and transcription events."""

    def __init__(self, writer: EventWriter, items: Items) -> None:
        self._writer = writer
        self._items = items
        self._item: str | None = None
        """The id for the item of the next turn."""
        self._speaking = False
        self._announced = False
        """Whether the client knows of speech that is neither committed nor cleared."""

    def started(self, pts: int) -> None:
        """The user began to speak at `pts` (nanoseconds)."""
        if self._speaking:
            return  # a fallback detector that takes over reports the same speech again
        self._speaking = self._announced = True
        self._writer.emit("input_audio_buffer.speech_started", audio_start_ms=_ms(pts), item_id=self._next())

    def stopped(self, pts: int) -> None:
        """The user stopped speaking at `pts` (nanoseconds)."""
        if not self._speaking:
            return
        self._speaking, self._announced = False, True
        self._writer.emit("input_audio_buffer.speech_stopped", audio_end_ms=_ms(pts), item_id=self._next())

    def committed(self, transcript: TurnTranscript) -> None:
        """The speech is a turn: creates its item, with the transcript as far as it is known."""
        transcript.item, before = self._next(), self._items.last
        self._item, self._announced = None, False
        self._writer.emit("input_audio_buffer.committed", item_id=transcript.item, previous_item_id=before)
        transcript.sent = transcript.text or ""  # the item has it
        item = spoken(transcript.item, transcript.text)
        self._items.add(item)
        self._items.done(item)
        self.send(transcript)

    def dismissed(self) -> bool:
        """The speech is no turn; returns whether the client knew of it. Its item id goes to the next turn."""
        announced, self._announced = self._announced, False
        return announced

    def cleared(self) -> None:
        """Tells the client that no turn comes of the speech."""
        self._writer.emit("input_audio_buffer.cleared")

    def send(self, transcript: TurnTranscript) -> None:
        """Sends what is new of the transcript of a committed turn."""
        latest = transcript.latest
        if transcript.item is None or transcript.over or latest is None:
            return
        if latest.whole and not latest.text.strip() and latest.answer:
            self._end(transcript, "failed", error=NOT_UNDERSTOOD)
            return
        text = latest.text.strip()
        if text.startswith(transcript.sent) and text != transcript.sent:
            delta, transcript.sent = text[len(transcript.sent) :], text
            self._writer.emit(
                "conversation.item.input_audio_transcription.delta",
                item_id=transcript.item,
                content_index=0,
                delta=delta,
                **in_language(latest.language),
            )
        if latest.whole:
            self._items.change(spoken(transcript.item, text))
            usage = {"type": "duration", "seconds": latest.at.duration / SECOND}
            self._end(transcript, "completed", transcript=text, usage=usage, **in_language(latest.language))

    def _end(self, turn: TurnTranscript, how: str, /, **fields: object) -> None:
        turn.over = True
        self._writer.emit(
            f"conversation.item.input_audio_transcription.{how}", item_id=turn.item, content_index=0, **fields
        )

    def _next(self) -> str:
        if self._item is None:
            self._item = self._writer.new_id("item")
        return self._item


def _ms(pts: int) -> int:
    return max(0, pts // MILLISECOND)
