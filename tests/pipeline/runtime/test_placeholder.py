"""What cannot be opened and is not needed: the others go on, and it comes when it can."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pipeline.errors import NodeError
from pipeline.events import NodeRecovered
from pipeline.node import Service, Sink
from pipeline.params import NoParams, seconds
from pipeline.port import Input, Output, Receives
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import Item, News, Serve, Written, items, make_runner, planned, run, sink, source


class Frame(Item, frozen=True):
    """What a face gives."""


class Face(Service[NoParams]):
    """Cannot be opened as often as `broken` says, for all its instances."""

    into = Input(Item)
    frames = Output(Frame)
    news = Receives(News)
    broken = 0

    async def open(self) -> None:
        if type(self).broken:
            type(self).broken -= 1
            raise NodeError("no such head", hint="build one")

    @into.each
    async def animate(self, item: Item) -> AsyncIterator[Frame]:
        """One frame an item."""
        yield Frame(item.at, item.number)

    @news.each
    def note(self, event: News) -> None:
        """Nothing."""

    def requires_output(self, packet: Item) -> bool:  # type: ignore[override]
        """Everything, when it is there."""
        return True


def playback(heard: list[int], shown: list[int]) -> type[Sink[NoParams]]:
    """Plays a voice, and a face if there is one."""

    class Playback(Sink[NoParams]):
        voice = Input(Item)
        face = Input(Frame, optional=True)

        @voice.each
        async def play(self, item: Item) -> None:
            heard.append(item.number)

        @face.each
        async def show(self, frame: Frame) -> None:
            shown.append(frame.number)

    return Playback


def talking(face: Written, heard: list[int], shown: list[int]) -> tuple[dict[str, Written], tuple[str, ...]]:
    """A voice that speaks once a second, with a face."""
    nodes: dict[str, Written] = {
        "a": source(items(range(30)), every=seconds(1)),
        "face": face,
        "end": playback(heard, shown),
    }
    return nodes, ("a -> end.voice", "a -> face", "face.frames -> end.face")


def test_placeholder_replaces_an_optional_node_until_it_can_be_opened() -> None:
    """The call is not refused for its picture; it is told, and the picture comes within ten seconds of the cure."""
    heard, shown = list[int](), list[int]()
    recovered = list[NodeRecovered]()

    class Later(Face):
        broken = 2

    nodes, links = talking(Later, heard, shown)

    async def main() -> Session:
        session = make_runner().session(planned(nodes, *links))
        session.bus.of(NodeRecovered).subscribe(recovered.append)
        await session.run()
        return session

    report = run_virtual(main()).report
    assert heard == [*range(30)]
    assert shown == [*range(21, 30)]
    assert [(failure.node, failure.message, failure.answered_by) for failure in report.failures] == [
        ("face", "no such head", "")
    ]
    assert [event.node for event in recovered] == ["face"]


def test_placeholder_is_replaced_by_a_fallback_that_opens_first() -> None:
    """Where the better face stays away, the plain one is shown as soon as it can be opened."""
    heard, shown = list[int](), list[int]()

    class Never(Face):
        broken = 99

    class Spare(Face):
        broken = 1

    nodes, links = talking([Never, Spare], heard, shown)
    run(planned(nodes, *links))
    assert heard == [*range(30)]
    assert shown[-1] == 29 and 15 < len(shown) < 25


def test_placeholder_is_not_used_for_a_needed_node() -> None:
    """A call without ears, or without a voice, says at once that it cannot be."""

    class Never(Serve):
        async def open(self) -> None:
            raise NodeError("no such model")

    with pytest.raises(NodeError, match="no such model"):
        run(planned({"a": source(items([1])), "b": Never, "c": sink([])}, "a -> b -> c"))


def test_plan_marks_a_node_needed_if_any_path_needs_it() -> None:
    """Through whom it goes is all the same, but one who cannot do without is enough."""
    ends: dict[str, Written] = {"end": playback([], []), "other": sink([])}
    nodes: dict[str, Written] = {"a": source(items([1])), "face": Face, "then": Face, "look": Serve, **ends}
    links = ("a -> end.voice", "a -> face -> then", "then.frames -> end.face", "a -> look -> other")
    alone = planned(nodes, *links).nodes
    assert {name for name, node in alone.items() if not node.needed} == {"face", "then"}
    both = planned(nodes, *links, "face.frames -> other").nodes
    assert {name for name, node in both.items() if not node.needed} == {"then"}
