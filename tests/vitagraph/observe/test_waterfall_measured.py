"""The silence that a host reports, against a client that measures it at its own end of the network."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from nodes.packets import AUDIBLE
from pipeline.packet import MILLISECOND, SECOND
from tests.vitagraph.host.dialling import SCRIPTED, Caller, dial, hosting, scripted
from vitagraph.host.call_manager import CallManager
from vitagraph.waterfall import percentile

CALLERS, TURNS = 5, 10
CLOSE = 30
"""Milliseconds."""
BRIEF = SCRIPTED.replace("It is nine o'clock.", "Yes.")
VOICE = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000 * 600 // 1000) / 48_000)).astype(np.int16)
TURN = np.concatenate([np.zeros(48_000 * 300 // 1000, np.int16), VOICE, np.zeros(48_000 * 1_700 // 1000, np.int16)])


class Listener:
    """Decodes packets as they pass, and notes when a sound begins and when it ends; times in nanoseconds.

    A sound is what is louder than -45 dBFS; it ends with its last such packet, if none follows within half a second.
    """

    def __init__(self, caller: Caller) -> None:
        self.began: list[int] = []
        self.ended: list[int] = []
        self._now = caller.clock.now
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = 48_000
        self._latest = -SECOND

    def hear(self, packet: bytes) -> None:
        """Takes a packet of Opus."""
        if len(packet) < 2:  # one byte says that there is silence
            return
        now = self._now()
        for frame in self._decoder.decode(av.Packet(packet)):
            scale = 32_768 if frame.format.name.startswith("flt") else 1
            if np.abs(frame.to_ndarray()).max() * scale > AUDIBLE:
                if now - self._latest > SECOND // 2:
                    self.began.append(now)
                    self.ended.append(now)
                self._latest = self.ended[-1] = now


def ear(caller: Caller) -> Listener:
    """Listens to what arrives, before any buffer of the client."""
    listener, receiver = Listener(caller), cast(Any, caller.connection.getReceivers()[0])
    usual = receiver._handle_rtp_packet

    async def take(packet: Any, arrival_time_ms: int) -> None:
        listener.hear(packet.payload)
        await usual(packet, arrival_time_ms=arrival_time_ms)

    receiver._handle_rtp_packet = take
    return listener


def mouth(caller: Caller) -> Listener:
    """Listens to what leaves."""
    listener, usual = Listener(caller), caller.track.push

    def push(packet: bytes, time: int) -> None:
        listener.hear(packet)
        usual(packet, time)

    caller.track.push = push  # type: ignore[method-assign, assignment]
    return listener


async def _converse(caller: Caller, after: int) -> list[tuple[float, float, float]]:
    """Of each turn in ms: the silence that the client measured, that of the host, and the sum of its parts."""
    await caller.clock.sleep(after)
    heard, said = ear(caller), mouth(caller)
    await caller.speak(np.tile(TURN, TURNS))
    await caller.wait_for("vitagraph.turn", TURNS)
    return [
        ((began - ended) / MILLISECOND, turn["silence"], sum(turn["parts"].values()))
        for began, ended, turn in zip(heard.began, said.ended, caller.told("vitagraph.turn"), strict=True)
    ]


def test_waterfall_adds_up_to_what_a_client_measures(tmp_path: Path) -> None:
    """An operator can believe the figure: 50 turns of 5 callers at once, each within 30 ms (95th percentile)."""

    async def scene(manager: CallManager) -> list[tuple[float, float, float]]:
        callers = [await dial(manager) for _ in range(CALLERS)]
        talks = (_converse(caller, number * 370 * MILLISECOND) for number, caller in enumerate(callers))
        return [turn for turns in await asyncio.gather(*talks) for turn in turns]

    turns = hosting(scene, scripted(tmp_path, text=BRIEF))
    assert len(turns) == CALLERS * TURNS
    off = [round(abs(measured - reported) * 1000) for measured, reported, _ in turns]
    figures = f"off by {np.median(off) / 1000:.1f} ms (median), {(percentile(off, 0.95) or 0) / 1000:.1f} (p95)"
    assert (percentile(off, 0.95) or 0) <= CLOSE * 1000, (figures, turns)
    assert all(reported == pytest.approx(parts, abs=0.001) for _, reported, parts in turns)
