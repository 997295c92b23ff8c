"""Conversation items as the API writes them, and the latest ones of a call."""

from __future__ import annotations

from typing import Any, Literal

from vitagraph.host.realtime.event_writer import EventWriter

KEPT = 64
"""Items that a client can retrieve."""

Item = dict[str, Any]
Status = Literal["completed", "incomplete", "in_progress"]


def spoken(id: str, transcript: str | None) -> Item:
    """The item of a spoken turn; None while its transcript is not known."""
    return _message(id, "user", "completed", {"type": "input_audio", "transcript": transcript})


def typed(id: str, text: str) -> Item:
    """The item of a typed message."""
    return _message(id, "user", "completed", {"type": "input_text", "text": text})


def answer(id: str, status: Status, transcript: str | None) -> Item:
    """The item of a response; None before its first part."""
    parts = [] if transcript is None else [{"type": "output_audio", "transcript": transcript}]
    return _message(id, "assistant", status, *parts)


def in_language(language: str) -> dict[str, str]:
    """The field of an event for the BCP 47 language of its text, which the API does not have; none if it is unknown."""
    return {"language": language} if language else {}


def _message(id: str, role: str, status: Status, *content: dict[str, Any]) -> Item:
    return {
        "id": id,
        "type": "message",
        "object": "realtime.item",
        "status": status,
        "role": role,
        "content": list(content),
    }


class Items:
    """The latest items by id, in the order of their addition; sends the `conversation.item` events."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self._items: dict[str, tuple[Item, str | None]] = {}
        """Each with the id of the item before it."""
        self.last: str | None = None
        """The id of the item that the next one follows."""

    def add(self, item: Item) -> None:
        """Adds an item and announces it; forgets the oldest beyond `KEPT`."""
        before, self.last = self.last, item["id"]
        self._items[item["id"]] = item, before
        if len(self._items) > KEPT:
            del self._items[next(iter(self._items))]
        self._writer.emit("conversation.item.added", previous_item_id=before, item=item)

    def done(self, item: Item) -> None:
        """Announces that an item is complete, but for its transcript."""
        before = self._items[item["id"]][1] if item["id"] in self._items else None
        self.change(item)
        self._writer.emit("conversation.item.done", previous_item_id=before, item=item)

    def change(self, item: Item) -> None:
        """Replaces an item for clients that retrieve it later; does nothing if it is forgotten."""
        if item["id"] in self._items:
            self._items[item["id"]] = item, self._items[item["id"]][1]

    def get(self, id: str) -> Item | None:
        """An item by its id; None if it is not one of the latest."""
        return self._items[id][0] if id in self._items else None

    def delete(self, id: str) -> None:
        """Removes an item and announces it."""
        _, before = self._items.pop(id, (None, None))
        if self.last == id:
            self.last = before
        self._writer.emit("conversation.item.deleted", item_id=id)
