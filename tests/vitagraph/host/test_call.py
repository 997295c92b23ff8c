"""One call from beginning to end, with a real connection and no models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import Clock
from pipeline.graph.graph import Graph
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.params import ms
from tests.nodes.webrtc.transport.test_peer import tone
from tests.vitagraph.host.dialling import RECITING, SCRIPTED, Caller, dial, gone, hosting, scripted
from vitagraph.host import graph_catalogue
from vitagraph.host.call_manager import CallManager
from vitagraph.observe.client_events import Rated


def test_call_answers_a_spoken_and_a_typed_turn(tmp_path: Path) -> None:
    """The caller speaks and is answered; then types and is answered; and sees how long each took."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        quiet = np.zeros(24_000, np.int16)
        await caller.speak(np.concatenate([quiet, tone(0.6, 48_000), quiet, quiet]))
        spoken = await caller.wait_for("response.done")
        assert spoken["response"]["output"][0]["content"][0]["transcript"] == "That was heard."
        caller.type("What time is it?")
        typed = await caller.wait_for("response.done", 2)
        assert typed["response"]["output"][0]["content"][0]["transcript"] == "It is nine o'clock."
        turn = await caller.wait_for("vitagraph.turn", 2)
        assert turn["response"] == typed["response"]["id"] and turn["outcome"] == "answered"
        assert abs(sum(turn["parts"].values()) - turn["silence"]) < 0.01
        assert caller.batches, "the face moves"
        assert caller.told("error") == []
        await caller.close()
        await gone(manager)

    hosting(scene, scripted(tmp_path))


def test_call_cancel_event_silences_the_answer(tmp_path: Path) -> None:
    """And the caller sees exactly what was said before."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        caller.type("Anything?")
        await caller.wait_for("output_audio_buffer.started")
        caller.tell(type="response.cancel")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "cancelled"
        assert "It is nine o'clock.".startswith(done["response"]["output"][0]["content"][0]["transcript"])
        await caller.close()
        await gone(manager)

    hosting(scene, scripted(tmp_path))


def test_call_rating_reaches_the_bus(tmp_path: Path) -> None:
    """Where whoever counts satisfaction listens."""

    async def scene(manager: CallManager) -> list[Rated]:
        caller, rated = await dial(manager), list[Rated]()
        caller.type("Anything?")
        done = await caller.wait_for("response.done")
        assert caller.call_.session is not None
        caller.call_.session.bus.of(Rated).subscribe(rated.append)
        caller.tell(type="vitagraph.rating", response=done["response"]["id"], value=1)
        caller.tell(type="session.update", session={"type": "realtime", "instructions": "Be brief."})
        updated = await caller.wait_for("session.updated")
        assert updated["session"]["instructions"] == "Be brief."
        await caller.close()
        await gone(manager)
        return rated

    assert [rating.value for rating in hosting(scene, scripted(tmp_path))] == [1]


async def answered(caller: Caller, count: int = 1) -> str:
    """What the caller hears to a question, which is their answer of that number."""
    caller.type("What are you told?")
    done = await caller.wait_for("response.done", count)
    return str(done["response"]["output"][0]["content"][0]["transcript"])


def test_call_instructions_of_two_calls_share_a_plan_and_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first answer on, whoever gives it; without instructions, those of the graph count."""
    planned: list[str] = []

    def counting(graph: Graph, registry: Registry) -> Plan:
        planned.append(graph.path.stem)
        return plan(graph, registry)

    monkeypatch.setattr(graph_catalogue, "plan", counting)

    async def scene(manager: CallManager) -> None:
        first = await dial(manager, instructions="First.")
        second = await dial(manager, instructions="Second.")
        third = await dial(manager)
        answers = await asyncio.gather(*map(answered, (first, second, third)))
        assert answers == ["First.", "Second.", "The graph."]
        second.tell(type="session.update", session={"type": "realtime", "instructions": "Changed."})
        await second.wait_for("session.updated")
        answers = await asyncio.gather(*(answered(caller, 2) for caller in (first, second, third)))
        assert answers == ["First.", "Changed.", "The graph."]
        for caller in (first, second, third):
            await caller.close()
        await gone(manager)

    hosting(scene, scripted(tmp_path, text=RECITING))
    assert planned.count("scripted") == 1


def test_call_graph_without_text_input_refuses_typed_text() -> None:
    """Else what was typed would vanish."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager, "echo")
        caller.type("Hello?")
        error = await caller.wait_for("error")
        assert "text" in error["error"]["message"]
        await caller.close()
        await gone(manager)

    hosting(scene)


def test_call_hang_up_by_the_host_frees_everything_at_once() -> None:
    """A second one finds nothing to do."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        call = caller.call_
        call.hang_up("the test is over")
        call.hang_up("again")
        assert await gone(manager) < 2
        await call.freed()
        assert manager.find(call.id) is None
        assert manager.has_ended(call.id) and not manager.has_ended("rtc_other")
        assert call.reason == "the test is over"
        await caller.close()

    hosting(scene)


def test_call_start_failure_is_reported_in_plain_words(tmp_path: Path) -> None:
    """And not what the host's disk looks like."""
    text = SCRIPTED.replace("dialling_nodes:Beeper", "dialling_nodes:Broken")

    async def scene(manager: CallManager) -> str:
        caller = await dial(manager)
        await gone(manager)
        events = str(caller.told())
        await caller.close()
        return caller.call_.reason + events

    told = hosting(scene, scripted(tmp_path, text=text))
    assert "the beeper is missing" in told
    assert "secret" not in told.partition("[")[2]


def test_call_names_what_does_not_stop_and_what_does_not_close(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both phases of the session's close run into their deadlines; the operator is still told of each."""
    text = SCRIPTED.replace("webrtc.source", "tests.vitagraph.host.dialling_nodes:Clinging")

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        clock = Clock(asyncio.get_running_loop())
        while caller.call_.session is None or not caller.call_.session.tasks:
            await clock.sleep(ms(10))
        caller.call_.hang_up("the test is over")
        await gone(manager, 8)
        await caller.close()

    hosting(scene, scripted(tmp_path, text=text))
    assert "caller did not stop in time" in caplog.text
    assert "caller did not close in time" in caplog.text


def test_call_of_a_disconnected_caller_frees_its_slot() -> None:
    """The tab is closed while the answer is being said."""

    async def scene(manager: CallManager) -> float:
        caller = await dial(manager)
        await caller.speak(np.concatenate([np.zeros(24_000, np.int16), tone(1.0, 48_000), np.zeros(48_000, np.int16)]))
        await caller.close()
        return await gone(manager, 5)

    assert hosting(scene) < 5
