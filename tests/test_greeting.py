"""An assistant with a greeting speaks first: when the call is up, with its face, and not over the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodes.packets import GREETING, AvatarFrames, PlaybackProgress, Speech, Transcript
from pipeline.errors import GraphError
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND, Packet
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.drills.scripted import FIRST, GRAPH
from tests.vitagraph.host.dialling import SCRIPTED, Caller, dial, hosting, scripted
from vitagraph.host.call_manager import CallManager
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints

HELLO = "Hello there! What would you like to know?"


def greeted(greeting: str) -> tuple[list[Packet], list[PlaybackProgress]]:
    """What the nodes give, and what is heard, in a conversation whose first question comes after two seconds."""
    text = GRAPH.replace("turn: turn.endpoint", f'turn: {{use: turn.endpoint, greeting: "{greeting}"}}')
    text = text.replace(f"caller: {_CALLER}", f"caller: {{use: '{_CALLER}', questions: 1}}")
    registry = Registry()
    planned = plan(loads(text, registry=registry), registry)
    packets: list[Packet] = []
    heard: list[PlaybackProgress] = []

    async def main() -> None:
        async with Runner() as runner:
            session = runner.session(planned, lambda _, packet: packets.append(packet))
            session.bus.of(PlaybackProgress).subscribe(heard.append)
            report = await session.run()
            assert report.error is None

    run_virtual(main())
    return packets, heard


_CALLER = "tests.drills.scripted:Caller"


def words(heard: list[PlaybackProgress], cause: str) -> list[str]:
    """What is heard of the speeches of a cause."""
    return [event.text for event in heard if event.ended and event.cause.name == cause and event.text]


def test_greeting_is_spoken_first_with_the_face() -> None:
    packets, heard = greeted("Hello.")
    assert words(heard, GREETING) == ["Hello."]
    assert words(heard, "turn")  # and the question is answered as ever
    spoken = next(packet for packet in packets if isinstance(packet, Speech))
    assert spoken.at.cause.name == GREETING and spoken.at.pts < 500 * MILLISECOND
    assert any(isinstance(packet, AvatarFrames) and packet.at.cause is spoken.at.cause for packet in packets)
    assert next(packet.answer for packet in packets if isinstance(packet, Transcript)) == "Hello."


def test_greeting_stops_when_the_person_speaks() -> None:
    """It is interrupted like any answer, and the question is answered."""
    long = "Hello there, this is a greeting that goes on and on and on, as those of telephones do."
    _packets, heard = greeted(long)
    (said,) = words(heard, GREETING)
    assert long.startswith(said) and len(said) < len(long)
    end = max(event.position for event in heard if event.ended and event.cause.name == GREETING)
    assert end < FIRST + SECOND
    assert len(words(heard, "turn")) == 3
    assert not any(event.cause.name == GREETING and event.last for event in heard)


def test_no_greeting_means_no_words() -> None:
    _packets, heard = greeted("  ")
    assert not words(heard, GREETING)
    assert {event.cause.name for event in heard} == {"turn"}


def test_greeting_without_a_link_to_the_dialogue_is_an_error() -> None:
    text = SCRIPTED.replace("floor: 200ms", "floor: 200ms, greeting: Hello").replace("  - turn.typed -> chat\n", "")
    registry = Registry()
    with pytest.raises(GraphError) as refused:
        plan(loads(text, registry=registry), registry)
    where = refused.value.where
    assert where is not None and text.splitlines()[where.line - 1][where.column - 1 :].startswith("greeting: Hello")
    assert refused.value.hint == "add `- turn.typed -> some_node` to links, or remove `greeting`"


@pytest.mark.parametrize("given", [{}, {"turn.greeting": "Hi."}])
@pytest.mark.parametrize("greet", [False, True])
def test_replay_greets_only_when_asked(greet: bool, given: dict[str, str], tmp_path: Path) -> None:
    """A recorded person did not hear the greeting and would talk over it."""
    graph = scripted(tmp_path, text=SCRIPTED.replace("floor: 200ms", f"floor: 200ms, greeting: '{HELLO}'"))
    registry = FileRegistry()
    ends = find_file_endpoints(graph, registry, given)
    settings = given | ends.settings(tmp_path / "a.wav", tmp_path, greet=greet)
    params: Any = plan(_loaded(graph, registry, settings), registry).nodes["turn"].members[0].params
    assert params.greeting == (given.get("turn.greeting") or (HELLO if greet else ""))


def _loaded(graph: Path, registry: FileRegistry, settings: dict[str, str]) -> Any:
    return loads(graph.read_text(), registry=registry, settings=settings)


def test_call_is_greeted_and_the_client_gets_a_response(tmp_path: Path) -> None:
    """By WebRTC: sound, captions and the events of a response, without anything said; it is no turn."""

    async def scene(manager: CallManager) -> tuple[Caller, bool]:
        caller = await dial(manager)
        await caller.wait_for("output_audio_buffer.stopped")
        return caller, caller.call_.activity.spoken

    graph = scripted(tmp_path, text=SCRIPTED.replace("floor: 200ms", f"floor: 200ms, greeting: '{HELLO}'"))
    caller, spoken = hosting(scene, graph)
    kinds = [event["type"] for event in caller.told() if not event["type"].endswith(".delta")]
    assert kinds[:2] == ["session.created", "conversation.created"]
    assert [kind for kind in kinds if kind in ("response.created", "output_audio_buffer.started", "response.done")] == [
        "response.created",
        "output_audio_buffer.started",
        "response.done",
    ]
    (done,) = caller.told("response.done")
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"][0]["transcript"] == HELLO
    assert not caller.told("input_audio_buffer.committed") and not spoken
