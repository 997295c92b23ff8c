"""How events are written to the client."""

from __future__ import annotations

import json

from vitagraph.host.realtime.event_writer import EventWriter


def test_event_writer_ids_of_two_calls_differ() -> None:
    """A page keeps the messages of a call that it dialled again: a thumb must find the right answer."""
    first, second = (EventWriter(lambda text: None, salt) for salt in ("a1", "b2"))
    ids = [writer.new_id("resp") for writer in (first, second) for _ in range(1000)]
    assert len(set(ids)) == 2000
    assert all(id.startswith("resp_") for id in ids)


def test_event_writer_sends_nothing_after_the_end() -> None:
    """A channel that is closed would complain of it, or worse, belong to somebody else by then."""
    sent: list[str] = []
    writer = EventWriter(sent.append, "a")
    writer.open(("first", {}))
    writer.close()
    writer.emit("late")
    assert not writer.open(("again", {}))
    assert [json.loads(text)["type"] for text in sent] == ["first"]
