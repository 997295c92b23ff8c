"""An assistant with a greeting speaks first: when the call is up, with its face, and not over the person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from nodes.packets import (
    GREETING,
    Audio,
    AvatarFrames,
    CancelResponse,
    PlaybackProgress,
    Speech,
    SpeechStart,
    TextInput,
    Transcript,
    TurnChanged,
)
from nodes.turn.endpoint import Endpoint
from pipeline.cause import Cause, Causes
from pipeline.errors import GraphError
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.node import Context
from pipeline.packet import MILLISECOND, Packet, Stamp
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.drills.scripted import GRAPH
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


def spoken_over(act: Callable[[Endpoint], None]) -> tuple[Cause, list[TurnChanged]]:
    """The cause of the greeting of a turn node that hears only voices, not words, after something has happened."""
    node, told = Endpoint(greeting=f"  {HELLO} "), list[TurnChanged]()
    clock: Any = SimpleNamespace(now=lambda: 0)
    connected = frozenset({"played"})
    pools = {"opinion": SimpleNamespace(member=None)}
    post = cast(Any, told.append)
    node.start(Context("turn", clock, Causes(), post, lambda _: None, pools=pools, connected=connected))
    (greeting,) = node.at_start()
    assert (greeting.text, greeting.answer, greeting.whole) == ("", HELLO, True)
    cause = greeting.at.cause
    assert cause.open and cause.name == GREETING and told == []
    act(node)
    return cause, told


def voice(node: Endpoint) -> None:
    """A second of it."""
    root = node.causes.root
    assert not node.begin(SpeechStart(Stamp(0, 0, root)))
    for number in range(50):
        samples = np.full(320, 3000, np.int16)
        node.listen(Audio(Stamp(number * 20 * MILLISECOND, 20 * MILLISECOND, root), samples, 16_000))


def typed(node: Endpoint) -> None:
    """Text."""
    assert node.read(TextInput("What time is it?"))


def cancelled(node: Endpoint) -> None:
    """A client that wants none."""
    node.cancel(CancelResponse())


@pytest.mark.parametrize("act", [voice, typed, cancelled])
def test_greeting_is_interrupted_like_an_answer(act: Callable[[Endpoint], None]) -> None:
    """Nobody has to listen to it to the end."""
    cause, told = spoken_over(act)
    assert not cause.live
    assert [each.what for each in told if each.cause is cause][-1] == "interrupted"


@pytest.mark.parametrize("greeting", ["", "  "])
def test_no_greeting_means_no_words(greeting: str) -> None:
    assert Endpoint(greeting=greeting).at_start() == ()


def test_greeting_without_a_link_to_the_dialogue_is_an_error() -> None:
    text = SCRIPTED.replace("floor: 200ms", "floor: 200ms, greeting: Hello").replace("  - turn.typed -> chat\n", "")
    registry = Registry()
    with pytest.raises(GraphError) as refused:
        plan(loads(text, registry=registry), registry)
    where = refused.value.where
    assert where is not None and text.splitlines()[where.line - 1][where.column - 1 :].startswith("turn.endpoint")
    assert "turn.typed -> chat" in refused.value.hint


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
