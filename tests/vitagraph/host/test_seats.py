"""Seats: only who is connected has one; those who never connect, or have many calls, keep nobody else out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.errors import AdmissionError
from pipeline.packet import MILLISECOND
from tests.vitagraph.host.dialling import SCRIPTED, Caller, dial, gone, hosting, scripted
from vitagraph.host import call as call_module
from vitagraph.host import call_manager as module
from vitagraph.host import seats
from vitagraph.host.admission import Thresholds
from vitagraph.host.call import Call
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.errors import api_error_of
from vitagraph.host.seats import UNCONNECTED_PER_ADDRESS, TooManyFromAddress

CHOIR = SCRIPTED.replace("dialling_nodes:Beeper", "test_monitoring:Choir")
"""A conversation with a model."""


async def offered(manager: CallManager, address: str, *, returning: bool = False) -> Call:
    """A call whose client will not connect."""
    caller = Caller()
    await caller.connection.setLocalDescription(await caller.connection.createOffer())
    sdp = caller.connection.localDescription.sdp
    return await manager.answer(Offer(sdp, address=address, returning=returning))


async def end(manager: CallManager, *calls: Call) -> None:
    """Ends calls; ICE takes up to 20 ms after that to notice that its connection was closed."""
    for call in calls:
        call.hang_up("the test is over")
    await gone(manager)
    await Clock(asyncio.get_running_loop()).sleep(50 * MILLISECOND)


async def until(holds: Callable[[], object]) -> None:
    """Waits for it."""
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(8):
        while not holds():
            await clock.sleep(10 * MILLISECOND)


async def dialled(manager: CallManager, address: str, graph: str | None = None) -> Caller:
    """A connected call from an address."""
    caller = Caller()

    async def answering(sdp: str) -> str:
        caller.call_ = await manager.answer(Offer(sdp, graph, address=address))
        return caller.call_.answer

    await caller.dial(answering)
    return caller


def test_seats_are_not_taken_by_calls_that_never_connect() -> None:
    """One line, and others who have taken answers for it: the honest caller gets it."""

    async def scene(manager: CallManager) -> None:
        calls = [await offered(manager, address) for address in ("a", "a", "b")]
        assert manager.counts().count == 0 and manager.not_ready() == ""
        caller = await dialled(manager, "c")
        assert manager.counts().count == 1
        assert "all 1 lines are busy" in manager.not_ready()
        await end(manager, *calls, caller.call_)

    hosting(scene, calls=1)


def test_seats_unconnected_calls_end_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "CONNECT_TIMEOUT", 0.2)

    async def scene(manager: CallManager) -> None:
        connected = await dialled(manager, "a")
        unanswered = await offered(manager, "a")
        await connected.clock.sleep(1000 * MILLISECOND)
        assert manager.find(unanswered.id) is None and "no packet of the client" in unanswered.reason
        assert manager.find(connected.call_.id) is connected.call_

    hosting(scene)


def test_seats_unconnected_calls_of_one_address_are_few() -> None:
    """Whoever asks again and again without connecting is told to wait; others are answered."""

    async def scene(manager: CallManager) -> None:
        calls = [await offered(manager, "a") for _ in range(UNCONNECTED_PER_ADDRESS)]
        with pytest.raises(TooManyFromAddress) as refused:
            await offered(manager, "a")
        answer = api_error_of(refused.value)
        assert (answer.status_code, answer.code) == (429, "too_many_calls")
        assert answer.headers is not None and 0 < int(answer.headers["Retry-After"]) <= 10
        await end(manager, *calls, await offered(manager, "b"))

    hosting(scene)


def test_seats_unconnected_calls_are_few_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has many addresses fills no memory."""
    monkeypatch.setattr(seats, "UNCONNECTED", 3)

    async def scene(manager: CallManager) -> None:
        calls = [await offered(manager, str(number)) for number in range(3)]
        with pytest.raises(AdmissionError, match="many calls have come at once"):
            await offered(manager, "another")
        await end(manager, *calls)

    hosting(scene)


def test_seats_calls_that_return_may_wait_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of the host all callers of an office connect at once."""
    monkeypatch.setattr(seats, "UNCONNECTED", 3)
    monkeypatch.setattr(seats, "UNCONNECTED_PER_ADDRESS", 2)

    async def scene(manager: CallManager) -> None:
        calls = [await offered(manager, "a", returning=True) for _ in range(4)]
        with pytest.raises(TooManyFromAddress):
            await offered(manager, "a")
        with pytest.raises(TooManyFromAddress, match="4 calls from here"):
            await offered(manager, "a", returning=True)
        await end(manager, *calls)

    hosting(scene, calls_per_address=4)


def test_seats_calls_of_one_address_are_bounded() -> None:
    """One caller cannot take all lines, connected or not."""

    async def scene(manager: CallManager) -> None:
        first = await dialled(manager, "a")
        await dialled(manager, "a")
        with pytest.raises(TooManyFromAddress, match="2 calls from here already"):
            await dialled(manager, "a")
        await dialled(manager, "b")
        await first.close()
        await until(lambda: manager.find(first.call_.id) is None)
        await dialled(manager, "a")

    hosting(scene, calls_per_address=2)


def test_seats_caller_who_connects_too_late_is_told() -> None:
    """Two have an answer, one line is free: the second one to connect hears why it is hung up."""

    async def scene(manager: CallManager) -> None:
        callers, both = [Caller(), Caller()], asyncio.Barrier(2)

        async def dialling(caller: Caller) -> None:
            async def answering(sdp: str) -> str:
                caller.call_ = await manager.answer(Offer(sdp))
                await both.wait()
                return caller.call_.answer

            await caller.dial(answering)

        await asyncio.gather(*map(dialling, callers))
        await until(lambda: any(caller.told("error") for caller in callers))
        seated, late = sorted(callers, key=lambda caller: len(caller.told("error")))
        error = late.told("error")[0]["error"]
        assert error["code"] == "no_seat"
        assert error["message"] == "Sorry, all 1 lines are busy. Try again in 10 seconds."
        await until(lambda: manager.count == 1)
        assert manager.find(seated.call_.id) is seated.call_ and seated.told("error") == []

    hosting(scene, calls=1)


def test_seats_four_callers_within_a_second_are_admitted(tmp_path: Path) -> None:
    """On an idle machine, with a graph that has a model: none of them is told that it is busy."""

    async def scene(manager: CallManager) -> None:
        await manager.warm()
        callers = await asyncio.gather(*(dialled(manager, "a") for _ in range(4)))
        for caller in callers:
            caller.type("What time is it?")
        for caller in callers:
            await caller.wait_for("response.created")
        assert manager.counts().heavy == 4

    # The machine that runs the tests may be busy: what the models and calls take is what is looked at.
    idle = replace(Thresholds(), lag=1e6, cpu=1e6, memory=1e6, wait=1e6, queue=1e6)
    hosting(scene, scripted(tmp_path, text=CHOIR), thresholds=idle)


# --- idle calls


def idle(text: str, tmp_path: Path, act: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why a call ended in which a client did something every tenth of a second."""
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.05)

    async def scene(manager: CallManager) -> str:
        caller = await dial(manager)
        for number in range(20):
            await caller.clock.sleep(100 * MILLISECOND)
            if manager.count == 0:
                break
            if caller.channel.readyState == "open":  # it closes a moment before the call is gone
                act(caller, number)
        reason = caller.call_.reason if manager.count == 0 else ""
        await caller.close()
        return reason

    return hosting(scene, scripted(tmp_path, text=text), idle=0.6)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.explode"},
        {"type": "response.cancel"},
        {"type": "output_audio_buffer.clear"},
        {"type": "conversation.item.truncate"},
        {"type": "session.update", "session": {"instructions": "Stay."}},
        {"type": "vitagraph.rating", "response": "resp_0", "value": 1},
        {"type": "response.create"},
    ],
)
def test_idle_call_is_not_kept_alive_by_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]
) -> None:
    """A script that sends something now and then holds no line: that is no word."""
    assert "idle" in idle(SCRIPTED, tmp_path, lambda caller, _: caller.tell(**event), monkeypatch)


def test_idle_call_is_kept_alive_by_typing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer that is heard keeps it alive too."""

    def type_now_and_then(caller: Caller, number: int) -> None:
        if number % 5 == 0:
            caller.type("Are you there?")

    assert idle(SCRIPTED, tmp_path, type_now_and_then, monkeypatch) == ""
