"""The items of the conversation, as the API writes them, and the latest of them."""

from __future__ import annotations

from typing import Any, Literal

from vitagraph.host.realtime.wire import Wire

KEPT = 64
"""Items that a client can retrieve."""

Item = dict[str, Any]
Status = Literal["completed", "incomplete", "in_progress"]


def spoken(id: str, transcript: str | None) -> Item:
    """What the person said; None: nobody knows yet."""
    return _message(id, "user", "completed", {"type": "input_audio", "transcript": transcript})


def written(id: str, text: str) -> Item:
    """What the person typed."""
    return _message(id, "user", "completed", {"type": "input_text", "text": text})


def answer(id: str, status: Status, transcript: str | None) -> Item:
    """What the assistant says; None: nothing yet."""
    parts = [] if transcript is None else [{"type": "output_audio", "transcript": transcript}]
    return _message(id, "assistant", status, *parts)


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
    """The latest items by their ids, in the order in which they were added."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._items: dict[str, tuple[Item, str | None]] = {}
        """With the item before each."""
        self.last: str | None = None
        """The item after which the next one comes."""

    def add(self, item: Item) -> None:
        """Announces a new item; the oldest is forgotten."""
        before, self.last = self.last, item["id"]
        self._items[item["id"]] = item, before
        if len(self._items) > KEPT:
            del self._items[next(iter(self._items))]
        self._wire.emit("conversation.item.added", previous_item_id=before, item=item)

    def done(self, item: Item) -> None:
        """Announces that nothing of an item will change but its transcript."""
        before = self._items[item["id"]][1] if item["id"] in self._items else None
        self.change(item)
        self._wire.emit("conversation.item.done", previous_item_id=before, item=item)

    def change(self, item: Item) -> None:
        """What a client gets that retrieves this item from now on."""
        if item["id"] in self._items:
            self._items[item["id"]] = item, self._items[item["id"]][1]

    def get(self, id: str) -> Item | None:
        """One of the latest items."""
        return self._items[id][0] if id in self._items else None

    def delete(self, id: str) -> None:
        """Forgets an item, and says so."""
        _, before = self._items.pop(id, (None, None))
        if self.last == id:
            self.last = before
        self._wire.emit("conversation.item.deleted", item_id=id)
