"""The latest items of a conversation."""

from __future__ import annotations

import json

from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import KEPT, Items, typed


def test_items_keep_only_the_latest() -> None:
    """A call of hours must not fill the memory; what a client asks for is nearly always the last item."""
    writer = EventWriter(lambda text: None, "a")
    items = Items(writer)
    for number in range(KEPT + 1):
        items.add(typed(f"item_{number}", "x"))
    assert items.get("item_0") is None
    assert items.get("item_1") == typed("item_1", "x")


def test_items_after_a_deleted_item_follow_the_one_before() -> None:
    """A client cannot place an item after one that it has deleted."""
    sent: list[str] = []
    writer = EventWriter(sent.append, "a")
    writer.open()
    items = Items(writer)
    for id in ("one", "two"):
        items.add(typed(id, "x"))
    items.delete("two")
    items.add(typed("three", "x"))
    assert json.loads(sent[-1])["previous_item_id"] == "one"


def test_items_that_were_forgotten_can_still_be_done() -> None:
    """An answer during which much is typed ends like any other."""
    sent: list[str] = []
    writer = EventWriter(sent.append, "a")
    writer.open()
    items = Items(writer)
    for number in range(KEPT + 1):
        items.add(typed(f"item_{number}", "x"))
    items.done(typed("item_0", "x"))
    items.delete("item_0")
    assert [json.loads(text)["type"] for text in sent[-2:]] == ["conversation.item.done", "conversation.item.deleted"]
