"""The console of a running host: what an operator sees of its calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nodes.packets import Audio
from tests.vitagraph.host.dialling import RECITING, dial, gone, hosting, scripted
from vitagraph.host.call_manager import CallManager
from vitagraph.observe.timeline import Console, Timeline


def test_console_shows_calls_graphs_turns_and_fallbacks(tmp_path: Path) -> None:
    """What runs, what is slow and what is done by a fallback, without a word of what was said."""

    async def scene(manager: CallManager) -> tuple[Console, Console, Timeline | None]:
        caller = await dial(manager)
        caller.type("sesame")
        await caller.wait_for("response.done")
        while not manager.console.state().turns:
            await caller.clock.sleep(1)
        during = manager.console.state()
        id = caller.call_.id
        await caller.close()
        await gone(manager)
        return during, manager.console.state(), manager.console.timeline(id)

    during, after, timeline = hosting(scene, scripted(tmp_path, text=RECITING), record=tmp_path / "calls")
    (call,), (graph,), (turn,) = during.calls, during.graphs, during.turns
    assert (call.graph, call.connected, call.turns, call.fallbacks) == ("scripted", True, 1, ["chat"])
    assert call.lost == 0 and call.outcome == "" and call.recorded
    chat = next(node for node in graph.nodes if node.name == "chat")
    assert graph.calls == 1 and (chat.state, chat.fallbacks, chat.errors, len(chat.members)) == ("fallback", 1, 1, 2)
    assert {link.source for link in graph.links} >= {"caller", "vad", "chat"}
    assert Audio.__name__ in next(link.kinds for link in graph.links if link.source == "caller")
    assert (turn.session, turn.number, turn.outcome) == (call.id, 1, "answered")
    assert during.host.ready and during.host.sessions == 1 and during.host.seats_free == 99
    assert "sesame" not in str(during)
    assert after.calls[0].outcome == "completed" and after.graphs[0].calls == 0
    assert timeline is not None and timeline.turns[0].heard == "sesame"
    assert timeline.sound["caller"] == f"/console/sessions/{call.id}/caller.wav"


def test_console_gives_the_sound_of_a_recorded_call(tmp_path: Path) -> None:
    """An operator listens from where it went wrong; without --record there is no sound."""

    async def scene(manager: CallManager) -> tuple[bytes | None, bytes | None]:
        caller = await dial(manager)
        caller.type("What time is it?")
        await caller.wait_for("response.done")
        id = caller.call_.id
        await caller.close()
        await gone(manager)
        await caller.clock.sleep(1_200_000_000)  # until the writer has written
        sounds = await asyncio.to_thread(manager.console.sound, id, "assistant")
        return sounds, await asyncio.to_thread(manager.console.sound, "rtc_unknown", "caller")

    sound, unknown = hosting(scene, scripted(tmp_path), record=tmp_path / "calls")
    assert sound is not None and sound[:4] == b"RIFF" and len(sound) > 20_000 and unknown is None
    assert hosting(scene, scripted(tmp_path)) == (None, None)


def test_console_of_a_host_without_calls(tmp_path: Path) -> None:
    """Nothing has happened yet, and that can be seen."""

    async def scene(manager: CallManager) -> Console:
        return manager.console.state()

    state = hosting(scene, scripted(tmp_path))
    assert (state.calls, state.turns, state.graphs) == ([], [], []) and state.host.ready
