"""All calls of a process: who gets in, who is sent away, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from nodes.webrtc.transport.process import SWITCH_INTERVAL
from pipeline.errors import AdmissionError, UserInputError
from pipeline.packet import MILLISECOND
from tests.vitagraph.host.dialling import Caller, dial, gone, hosting, scripted
from vitagraph.host import call
from vitagraph.host import call_manager as module
from vitagraph.host.admission import Thresholds
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.graph_catalogue import UnknownGraph


def test_call_manager_refuses_when_full_and_accepts_after_a_call_ends() -> None:
    """The refusal says when to come back."""

    async def scene(manager: CallManager) -> None:
        first = await dial(manager)
        assert "all 1 lines are busy" in manager.not_ready()
        with pytest.raises(AdmissionError, match="lines are busy") as refused:
            await dial(manager)
        assert refused.value.retry_after > 0
        await first.close()
        await gone(manager)
        second = await dial(manager)
        await second.close()
        await gone(manager)

    hosting(scene, calls=1)


def test_call_manager_takes_back_lost_calls_in_spite_of_load() -> None:
    """All callers of a host that was restarted come back at once; only the number of lines bounds them."""

    async def returning(manager: CallManager) -> Caller:
        caller = Caller()

        async def answer(sdp: str) -> str:
            return (await manager.answer(Offer(sdp, returning=True))).answer

        await caller.dial(answer)
        return caller

    async def scene(manager: CallManager) -> None:
        first = await dial(manager)
        while not manager.not_ready():
            await first.clock.sleep(50 * MILLISECOND)
        with pytest.raises(AdmissionError):
            await dial(manager)
        second = await returning(manager)
        with pytest.raises(AdmissionError, match="all 2 lines"):
            await returning(manager)
        await first.close()
        await second.close()
        await gone(manager)

    hosting(scene, calls=2, thresholds=Thresholds(lag=1e-6))


def test_call_manager_restores_process_settings() -> None:
    """A program that stops its host goes on with the interpreter as it was."""

    async def scene(manager: CallManager) -> tuple[float, object]:
        return sys.getswitchinterval(), stun.parse_message

    before = sys.getswitchinterval(), stun.parse_message
    during = hosting(scene)
    assert during[0] == SWITCH_INTERVAL and during[1] is not before[1]
    assert (sys.getswitchinterval(), stun.parse_message) == before


def test_call_manager_bad_offer_takes_no_slot() -> None:
    async def scene(manager: CallManager) -> None:
        with pytest.raises(UserInputError, match="offer"):
            await manager.answer(Offer("v=0"))
        with pytest.raises(UnknownGraph):
            await manager.answer(Offer("v=0", "nope"))
        assert manager.count == 0

    hosting(scene)


def test_call_manager_draining_lets_calls_end_and_takes_no_new_ones() -> None:
    """A host that is replaced does not cut people off."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        draining = asyncio.create_task(manager.drain(20))
        await caller.clock.sleep(50 * MILLISECOND)
        assert not draining.done() and manager.not_ready() == "the host is shutting down"
        with pytest.raises(AdmissionError, match="shutting down"):
            await dial(manager)
        await caller.close()
        await draining

    hosting(scene)


def test_call_manager_drain_deadline_ends_the_remaining_calls() -> None:
    async def scene(manager: CallManager) -> str:
        caller = await dial(manager)
        await manager.drain(0.1)
        assert manager.count == 0
        await caller.close()
        return caller.call_.reason

    assert hosting(scene) == "the host is shutting down"


@pytest.mark.parametrize(("setting", "reason"), [("call_length", "maximum length"), ("idle", "idle for too long")])
def test_call_manager_ends_idle_and_overlong_calls(monkeypatch: pytest.MonkeyPatch, setting: str, reason: str) -> None:
    """A tab that was forgotten does not keep its seat."""
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.05)

    async def scene(manager: CallManager) -> str:
        caller = await dial(manager)
        await gone(manager)
        await caller.close()
        return caller.call_.reason

    limits: dict[str, Any] = {setting: 0.3}
    assert reason in hosting(scene, **limits)


def test_call_manager_gives_up_a_client_that_never_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes an answer and does not connect holds nothing for longer than seconds."""
    monkeypatch.setattr(call, "CONNECT_TIMEOUT", 0.2)

    async def scene(manager: CallManager) -> str:
        caller = Caller()
        await caller.connection.setLocalDescription(await caller.connection.createOffer())
        unanswered = await manager.answer(Offer(caller.connection.localDescription.sdp))
        await gone(manager)
        await caller.close()
        return unanswered.reason

    assert "no packet of the client" in hosting(scene)


def test_call_manager_fifty_calls_leave_no_resources(tmp_path: Path) -> None:
    """Tasks, threads and open files do not grow, and memory stays within 5 %: the host stays up for weeks."""

    async def scene(manager: CallManager) -> None:
        async def one() -> None:
            caller = await dial(manager)
            caller.type("What time is it?")
            await caller.wait_for("output_audio_buffer.started")
            await caller.close()
            await gone(manager)

        for _ in range(10):  # what is loaded once is loaded by then
            await one()
        before, memory = _held(), _resident()
        for _ in range(50):
            await one()
        after = _held()
        assert {name: after[name] - before[name] for name in before if after[name] > before[name]} == {}
        assert _resident() <= memory * 1.05

    hosting(scene, scripted(tmp_path))


def _held() -> dict[str, int]:
    gc.collect()
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
    }


def _resident() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed and is only kept for later is no growth
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1])
